// Reads what src/train.ts trains on: infilling examples or plain text, as encoded sequences.
import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { decodeUtf8 } from "../../files/folder.ts";
import { InfillEncoder } from "../../infill/encode.ts";
import type { EncodedExample } from "../../examples/encoded-example.ts";
import { dropMetadata, parseJsonl } from "../../infill/example.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import type { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";
import { digest } from "../../training/fingerprint.ts";
import { textBlocks, textLines } from "../../training/text-dataset.ts";
import { Random } from "../../random.ts";
import { readInputFile } from "../shared/input-file.ts";

export interface DataChoice {
  readonly tokenizer: GPT2Tokenizer;
  readonly blockSize: number;
  /** Set in infilling mode. */
  readonly template: InfillTemplate | undefined;
  readonly lineByLine: boolean;
}

export interface DataLimits {
  /** At most so many examples. */
  readonly limit: number | undefined;
  /** The probability of leaving out a metadata field, and the seed that decides which. */
  readonly metadataDropout?: number;
  readonly seed?: number;
}

export interface ReadExamples {
  readonly examples: EncodedExample[];
  /** One line that says what was read. */
  readonly summary: string;
  /** The file's digest. */
  readonly source: string;
}

/**
 * The examples of a file and one line that says what was read. Throws UserError naming the file, line and field at
 * fault.
 */
export async function readExamples(
  file: string,
  { tokenizer, blockSize, template, lineByLine }: DataChoice,
  { limit, metadataDropout = 0, seed = 0 }: DataLimits,
): Promise<ReadExamples> {
  const bytes = await readInputFile(resolve(file));
  const source = await digest(bytes);
  const text = decodeUtf8(bytes, file);
  if (!template) {
    const all = lineByLine ? textLines(text, tokenizer, blockSize, file) : textBlocks(text, tokenizer, blockSize, file);
    const examples = all.slice(0, limit);
    return {
      examples,
      source,
      summary:
        `${file}: ${examples.length} ${lineByLine ? "lines" : `blocks of ${blockSize} tokens`}, ` +
        `${countTokens(examples)} tokens`,
    };
  }
  const random = new Random(seed);
  const parsed = parseJsonl(text, file)
    .slice(0, limit)
    .map((example) => dropMetadata(example, metadataDropout, () => random.float()));
  const { examples, trimmed, dropped } = new InfillEncoder(template, tokenizer).encodeAll(parsed, { blockSize });
  if (examples.length === 0) {
    throw new UserError(
      `${file}: p2 alone is longer than ${blockSize} tokens in all ${parsed.length} examples, ` +
        `and it is never cut; use a larger --block_size or shorter paragraphs.`,
    );
  }
  const notes = [
    trimmed > 0 ? `${trimmed} with their context trimmed to fit` : "",
    dropped > 0 ? `${dropped} left out because p2 does not fit` : "",
  ].filter(Boolean);
  return {
    examples,
    source,
    summary:
      `${file}: ${examples.length} examples, ${countTokens(examples)} tokens` +
      `${notes.map((note) => `, ${note}`).join("")}`,
  };
}

function countTokens(examples: readonly EncodedExample[]): number {
  return examples.reduce((sum, { ids }) => sum + ids.length, 0);
}
