// Lines of infilling examples to the records that the cache keeps.
import { joinBytes } from "../../../files/folder.ts";
import { InfillEncoder } from "../../../infill/encode.ts";
import { exampleOf, rowsOf } from "../../../infill/example.ts";
import { withKnownFields } from "../../../infill/known-fields.ts";
import { recordsOf } from "../../../infill/recorded-template.ts";
import type { InfillTemplate } from "../../../infill/template.ts";
import type { TokenizerParts } from "../../../tokenizer/parts.ts";
import { PreTrainedTokenizer } from "../../../tokenizer/pretrained-tokenizer.ts";
import { encodeRecord } from "./gap-record.ts";
import type { RecordLayout } from "./gap-record.ts";
import { idBytes } from "./piece.ts";
import type { EncodedPiece, Piece } from "./piece.ts";

export interface GapSetup {
  readonly kind: "gaps";
  readonly parts: TokenizerParts;
  readonly template: InfillTemplate;
  readonly blockSize: number;
  readonly knownFieldsOnly: boolean;
  /** What messages call the file. */
  readonly name: string;
}

export const recordLayout = (vocabSize: number, { sectionTypes }: InfillTemplate): RecordLayout => ({
  idBytes: idBytes(vocabSize),
  sectionTypes: sectionTypes === true,
});

export function gapEncoder(setup: GapSetup): (piece: Piece) => EncodedPiece {
  const { template, blockSize, knownFieldsOnly, name } = setup;
  const tokenizer = new PreTrainedTokenizer(setup.parts);
  const layout = recordLayout(tokenizer.vocabSize, template);
  const encoder = new InfillEncoder(template, tokenizer);
  return ({ text, firstLine = 1, wanted }) => {
    const rows = rowsOf(text, name, firstLine);
    const examples = rows.map(exampleOf); // of all, so that what is wrong with a line is said, wanted or not
    const left = new Map<string, number>();
    const parts: Uint8Array[] = [];
    const index: number[] = [];
    let tokens = 0;
    const taken = wanted ?? Array.from(examples.keys());
    for (const number of taken) {
      const example = knownFieldsOnly ? withKnownFields(template, examples[number], left) : examples[number];
      const encoded = encoder.encodeExample(example, { blockSize });
      if (!encoded) continue;
      const record = encodeRecord(encoded, example, rows[number].line, layout);
      parts.push(...record.parts);
      index.push(...record.index);
      tokens += encoded.ids.length;
    }
    const found = { lines: rows.length, taken: taken.length, left: [...left], recorded: recordsOf(rows) };
    return { bytes: joinBytes(parts), index: Uint32Array.from(index), tokens, found };
  };
}
