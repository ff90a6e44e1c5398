// The site without a network: all its files are kept when it is first opened, those of another version go. The build
// puts the version and the names in.
const KEPT = "studio-VERSION";
const files = "FILES";

self.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(KEPT);
    await cache.addAll(files.map((file) => new Request(file, { cache: "reload" })));
    await self.skipWaiting();
  };
  event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) if (name.startsWith("studio-") && name !== KEPT) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(tidy());
});

// Files have their version in their names, but for the page itself, which is asked for first.
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (!["GET", "HEAD"].includes(request.method) || new URL(request.url).origin !== location.origin) return;
  const answer = async () => {
    const kept = () => caches.match(request, { cacheName: KEPT, ignoreMethod: true, ignoreSearch: true });
    if (request.mode !== "navigate") return (await kept()) ?? fetch(request);
    return fetch(request).catch(async () => (await kept()) ?? caches.match("./", { cacheName: KEPT }));
  };
  event.respondWith(answer());
});
