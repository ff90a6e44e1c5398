// Where files of lines may be cut into pieces.
import { isLineEnd } from "../../../training/text-dataset.ts";
import type { Cutter } from "./text-pieces.ts";

/** After the end of each line, as LineByLineTextDataset ends them. */
export const lineCutter: Cutter = {
  lastCut(text, start = 1) {
    for (let at = text.length; at >= start; at--) if (isLineEnd(text[at - 1])) return at;
    return undefined;
  },
  examined: (text) => text.length + 1,
};

/** After the end of each line of JSON Lines: other separators may stand inside a JSON string. */
export const jsonLineCutter: Cutter = {
  lastCut(text, start = 1) {
    const found = text.slice(start - 1).lastIndexOf("\n");
    return found < 0 ? undefined : start + found;
  },
  examined: (text) => text.length + 1,
  wanted: "one JSON object a line",
};
