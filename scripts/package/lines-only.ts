// Maps of the package's files: a stack trace is read by lines, an editor goes to a line, and columns make two thirds of
// all maps.
import { decode, encode } from "@jridgewell/sourcemap-codec";
import type { SourceMapSegment } from "@jridgewell/sourcemap-codec";

/** A source map that says of everything from which line it comes, and no more. */
export function linesOnly(json: string): string {
  const map = JSON.parse(json) as { mappings: string; names: string[] };
  const lines = decode(map.mappings).map((segments) => {
    const placed = segments.filter((segment) => segment.length > 1) as (readonly [number, number, number, number])[];
    const kept = placed.filter(([, file, line], i) => {
      const [, before, lineBefore] = placed[i - 1] ?? [];
      return file !== before || line !== lineBefore;
    });
    return kept.map(([column, file, line]): SourceMapSegment => [column, file, line, 0]);
  });
  return JSON.stringify({ ...map, names: [], mappings: encode(lines) });
}
