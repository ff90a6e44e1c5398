// The page's side of text-worker.ts, which starts with the first question.
import { wrap } from "comlink";
import type { Remote } from "comlink";
import type { TextReader } from "./text-worker.ts";

let worker: Remote<TextReader> | undefined;

export function textReader(): Remote<TextReader> {
  return (worker ??= wrap<TextReader>(
    new Worker(new URL("./text-worker.ts", import.meta.url), { type: "module", name: "texts" }),
  ));
}
