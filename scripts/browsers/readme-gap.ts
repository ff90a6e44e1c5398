// The gap that README.md shows, read from it: what a reader sees there must come out everywhere, word for word.
import type { FillRequest } from "../../src/entries/infill.ts";

export interface ReadmeGap {
  readonly request: FillRequest;
  /** The paragraph that is printed there. */
  readonly text: string;
}

/** Throws Error where the README shows no such gap any more. */
export function readmeGap(readme: string): ReadmeGap {
  const [, shown] = /^```text\n(P1 .*?)^```$/ms.exec(readme) ?? [];
  if (shown === undefined) throw new Error("README.md shows no gap");
  const part = (name: string): string =>
    (new RegExp(`^${name}(.*?)(?=^P\\d |^ +\\(|(?![^]))`, "ms").exec(shown)?.[1] ?? "")
      .replaceAll("┃", " ")
      .replaceAll(/\s+/g, " ")
      .trim();
  const [, metadata] = /^ +\((.+)\)$/m.exec(shown) ?? [];
  const meta = Object.fromEntries((metadata ?? "").split("; ").map((pair) => pair.split(": ")));
  const gap = { p1: part("P1"), p3: part("P3"), text: part("P2") };
  if (Object.values(gap).some((text) => text === "") || metadata === undefined)
    throw new Error(`README.md's gap lacks a part: ${JSON.stringify({ ...gap, metadata })}`);
  return { request: { p1: gap.p1, p3: gap.p3, meta, options: { numBeams: 4 } }, text: gap.text };
}
