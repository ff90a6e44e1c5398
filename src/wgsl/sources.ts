// The text of every shader file. From the sources they are read where they stand; in the built package a generated
// module with the same function is in this one's place, which holds the texts (scripts/build.ts).
import { readBytes } from "../files/open.ts";
import { wgslFiles } from "./index.ts";

let loading: Promise<ReadonlyMap<string, string>> | undefined;

/** File name, as in wgslFiles -> its text; read once a process: a few dozen small files. */
export function shaderSources(): Promise<ReadonlyMap<string, string>> {
  const decoder = new TextDecoder();
  return (loading ??= Promise.all(
    Object.entries(wgslFiles).map(async ([file, url]) => [file, decoder.decode(await readBytes(url))] as const),
  ).then((entries) => new Map(entries)));
}
