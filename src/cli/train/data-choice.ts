// What of a file a run is to learn from, and what was read of it.
import type { EncodedExample } from "../../examples/encoded-example.ts";
import type { Examples } from "../../examples/example-set.ts";
import type { InfillExample } from "../../infill/example.ts";
import type { InfillTemplate } from "../../infill/template.ts";
import type { ByNumber, VariedExamples, Variation } from "../../infill/vary.ts";
import type { GPT2Tokenizer } from "../../tokenizer/tokenizer.ts";

export interface DataChoice {
  readonly tokenizer: GPT2Tokenizer;
  readonly blockSize: number;
  /** Set in infilling mode. */
  readonly template: InfillTemplate | undefined;
  readonly lineByLine: boolean;
  /** Of plain text to evaluate on: windows of blockSize tokens that move on by so many. */
  readonly stride?: number;
}

export interface DataLimits {
  /** At most so many examples. */
  readonly limit: number | undefined;
  /** Drawn at random with this seed, where there are more; default: the first ones. */
  readonly drawSeed?: number;
  /** Leave out metadata fields of the default template that this one lacks, and say so; else they are refused. */
  readonly knownFieldsOnly?: boolean;
  /** What training changes in each epoch; needs a template. */
  readonly variation?: Variation;
}

export interface ReadExamples {
  readonly examples: EncodedExample[];
  /** Where there is a variation. */
  readonly varied?: VariedExamples;
  /** What the examples are of, by their numbers; infilling only. */
  readonly gaps?: ByNumber<InfillExample>;
  readonly file: string;
  /** Of all examples. */
  readonly tokens: number;
  /** One line that says what was read. */
  readonly summary: string;
  /** The file's digest. */
  readonly source: string;
}

/** The same, not all of them in memory where they come out of the cache. */
export interface OpenedExamples extends Omit<ReadExamples, "examples"> {
  readonly examples: Examples;
}
