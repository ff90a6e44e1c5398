// An encoded example for the eye, token by token: what the model is given, which tokens are special, and which are in
// the loss. With colours on a terminal; elsewhere by signs alone. Nothing is re-encoded: the ids are the ones that
// training gets.
import type { LossOn } from "../examples/collate.ts";
import { TOKEN_TYPE } from "../examples/encoded-example.ts";
import type { EncodedExample } from "../examples/encoded-example.ts";

export interface PreviewTokenizer {
  decode(ids: readonly number[]): string;
  idToToken(id: number): string;
}

export interface PreviewOptions {
  readonly tokenizer: PreviewTokenizer;
  readonly lossOn: LossOn;
  readonly color: boolean;
  /** Columns. */
  readonly width: number;
}

/** Stands before a token: one that is only read, and one that is learned. */
const READ = "│",
  LEARNED = "█";
const PAINT: Readonly<Record<number, string>> = {
  [TOKEN_TYPE.context]: "\x1b[2m",
  [TOKEN_TYPE.special]: "\x1b[7m",
  [TOKEN_TYPE.target]: "\x1b[32m",
  [TOKEN_TYPE.end]: "\x1b[7;32m",
};
const RESET = "\x1b[0m";

/** What the signs mean, in one line. */
export const LEGEND = `${READ}read  ${LEARNED}read and learned  ⟦special⟧  ⏎ newline  <..> bytes of half a character`;

/** Lines of at most `width` columns: a heading with the counts, then the tokens. */
export function previewLines(
  { ids, types }: EncodedExample,
  { tokenizer, lossOn, color, width }: PreviewOptions,
): string[] {
  const learned = (type: number): boolean => lossOn === "all" || type === TOKEN_TYPE.target || type === TOKEN_TYPE.end;
  const count = (test: (type: number) => boolean): number => types.filter(test).length;
  const lines = [
    `${ids.length} tokens: ${count((type) => type === TOKEN_TYPE.context)} context, ` +
      `${count((type) => type === TOKEN_TYPE.special)} markers, ` +
      `${count((type) => type === TOKEN_TYPE.target)} p2, ${count((type) => type === TOKEN_TYPE.end)} end; ` +
      `${count(learned)} in the loss (--loss_on ${lossOn})`,
  ];
  let line = "",
    columns = 0;
  for (const [t, id] of ids.entries()) {
    const type = types[t]!;
    const text = tokenText(id, type, tokenizer);
    const length = [...text].length + 1;
    if (columns > 0 && columns + length > width) {
      lines.push(line);
      line = "";
      columns = 0;
    }
    const sign = learned(type) ? LEARNED : READ;
    line += color
      ? `${learned(type) ? "\x1b[32m" : "\x1b[2m"}${sign}${RESET}${PAINT[type] ?? ""}${text}${RESET}`
      : sign + text;
    columns += length;
  }
  return [...lines, line];
}

function tokenText(id: number, type: number, tokenizer: PreviewTokenizer): string {
  if (type === TOKEN_TYPE.special || type === TOKEN_TYPE.end) return `⟦${tokenizer.idToToken(id)}⟧`;
  const text = tokenizer.decode([id]);
  // A byte that is no character by itself is shown in the byte alphabet's own sign.
  return text.includes("\uFFFD") ? `<${tokenizer.idToToken(id)}>` : text.replaceAll("\n", "⏎").replaceAll("\t", "→");
}
