// The text of every shader file. From the sources they are read where they stand; in the built package a generated
// module with the same function is in this one's place, which holds the texts (scripts/build.ts).
import { importInNode } from "../import-in-node.ts";
import { isNode } from "../runtime.ts";
import { wgslFiles } from "./index.ts";

let loading: Promise<ReadonlyMap<string, string>> | undefined;

/** File name, as in wgslFiles -> its text; read once a process: a few dozen small files. */
export function shaderSources(): Promise<ReadonlyMap<string, string>> {
  const decoder = new TextDecoder();
  return (loading ??= Promise.all(
    Object.entries(wgslFiles).map(async ([file, url]) => [file, decoder.decode(await readBytes(url))] as const),
  ).then((entries) => new Map(entries)));
}

/** All bytes behind a URL such as `new URL("./x.wgsl", import.meta.url)`. Throws Error when they cannot be had. */
export async function readBytes(url: URL): Promise<Uint8Array> {
  if (url.protocol === "file:" && isNode) {
    // One after the other: all shaders at once would be more files than some systems let a process open.
    const bytes = (await importInNode<typeof import("node:fs")>("node:fs")).readFileSync(url);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength); // plain: a Buffer's slice() shares memory
  }
  const response = await fetch(url);
  if (!response.ok)
    throw new Error(
      `readBytes: cannot fetch ${url.href}: the server answered ${response.status} ${response.statusText}`,
    );
  return new Uint8Array(await response.arrayBuffer());
}
