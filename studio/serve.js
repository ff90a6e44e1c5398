// The built site (dist/) on this machine, and a browser to look at it with: the package's own part of
// `npx gpt2-webgpu studio`. Plain JavaScript, since npm's packages are run as they are.
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import open from "open";
import sirv from "sirv";

/**
 * Serves the site to this machine alone, until close(). What a writer keeps belongs to the address, its port included:
 * another port has other documents. Rejects with Node's error where the port is taken (EADDRINUSE) or not allowed.
 * @param {number} port 0: any that is free.
 * @returns {Promise<{ address: string, close: () => Promise<void> }>}
 */
export async function serve(port) {
  const files = sirv(fileURLToPath(new URL("dist", import.meta.url)), { etag: true });
  const server = createServer((request, response) => {
    // A name that was made to point at this machine, by a page elsewhere, gets nothing.
    if (!/^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(request.headers.host ?? "")) {
      response.writeHead(403).end();
      return;
    }
    files(request, response, () => response.writeHead(404).end());
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "localhost", resolve);
  });
  const close = () => {
    server.closeAllConnections();
    return new Promise((closed) => void server.close(() => closed()));
  };
  return { address: `http://localhost:${server.address().port}/`, close };
}

/**
 * In the user's own browser; false where there is none that this machine could open.
 * @param {string} address
 * @returns {Promise<boolean>}
 */
export async function show(address) {
  const opening = await open(address);
  return new Promise((resolve) => {
    opening.once("error", () => resolve(false));
    opening.once("exit", (code) => resolve(code === 0));
    setTimeout(() => resolve(opening.exitCode === null || opening.exitCode === 0), 1000);
  });
}
