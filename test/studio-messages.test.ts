// Every sentence of an error or a note in the modules that the studio is made of is one that the page has words for, or
// one that no writer can meet, with the reason. A new sentence is in neither list, and fails here.
import { describe, expect, it } from "vitest";
import { kindOf } from "../studio/src/i18n/reasons.ts";
import { saidInPage } from "./studio-sentences.ts";

const IDS = "rows of token ids, which the engine makes";
const OPTIONS = "options of generate() and fill() that the page does not give, or only as it should";
const TRAINING = "arguments of a run that the page sets, or has not";
const CODE = "a call that the page's code does not make";
const TOKENIZER = "changes to a tokenizer, which the page makes none of";
const PART = "a part of a sentence, or one that another puts together: that is known";
const JSONL = "files of examples and documents with marks, which the page does not read";

/** Sentences of each file without words of the page's own: how many, and why. */
const NOT_MET: Readonly<Record<string, readonly [count: number, why: string]>> = {
  "src/autograd/cross-entropy.ts": [1, IDS],
  "src/autograd/parameter.ts": [1, CODE],
  "src/examples/data-loader.ts": [1, TRAINING],
  "src/explain/attention-size.ts": [1, OPTIONS],
  "src/fields.ts": [1, CODE],
  "src/files/folder.ts": [1, CODE],
  "src/files/open.ts": [1, CODE],
  "src/files/url-folder.ts": [4, `${CODE}; two of them begin with what the server answered, which is known`],
  "src/generation/loops/constrained-beams.ts": [2, OPTIONS],
  "src/generation/loops/constraint.ts": [1, OPTIONS],
  "src/generation/options/check-request.ts": [7, OPTIONS],
  "src/generation/options/config-file.ts": [1, PART],
  "src/generation/options/config.ts": [3, `${OPTIONS}; in generation_config.json ${PART}`],
  "src/generation/options/prompts.ts": [10, IDS],
  "src/generation/scores/own-processors.ts": [2, OPTIONS],
  "src/generation/scores/scores.ts": [1, "notes of what generate() returns besides"],
  "src/gpt2/adapter-files.ts": [1, PART],
  "src/gpt2/adapting.ts": [3, CODE],
  "src/gpt2/checkpoint-files.ts": [1, CODE],
  "src/gpt2/config.ts": [2, PART],
  "src/gpt2/forward-input.ts": [3, CODE],
  "src/gpt2/kv-cache.ts": [4, IDS],
  "src/gpt2/lora-config.ts": [1, PART],
  "src/gpt2/model.ts": [4, CODE],
  "src/gpt2/output.ts": [1, CODE],
  "src/gpt2/pretrained.ts": [2, `${CODE}; the note is that of checkpoint-files.ts, which is known`],
  "src/gpt2/resize-embeddings.ts": [1, CODE],
  "src/gpt2/segments.ts": [1, IDS],
  "src/gpt2/token-batch.ts": [6, IDS],
  "src/gpt2/transformer.ts": [1, CODE],
  "src/gpu/device.ts": [1, CODE],
  "src/gpu/platform.ts": [1, PART],
  "src/gpu/tuning.ts": [2, CODE],
  "src/infill/books/prepare-books.ts": [4, `${CODE}; notes of a book's account, which the page asks for in numbers`],
  "src/infill/books/sources.ts": [1, JSONL],
  "src/infill/constraints/bounds.ts": [2, OPTIONS],
  "src/infill/constraints/text-constraints.ts": [4, OPTIONS],
  "src/infill/document.ts": [2, JSONL],
  "src/infill/example.ts": [7, JSONL],
  "src/infill/template-presets.ts": [1, TRAINING],
  "src/profile/measure.ts": [1, CODE],
  "src/runtime.ts": [1, "packages that the page brings along"],
  "src/storage/browser-folders.ts": [1, CODE],
  "src/storage/cached-folder.ts": [3, `${CODE}; and a listener, which is no sentence`],
  "src/storage/fetch-pieces.ts": [1, PART],
  "src/storage/open-cached.ts": [1, OPTIONS],
  "src/tokenizer/reduce.ts": [1, TOKENIZER],
  "src/tokenizer/special-tokens.ts": [4, TOKENIZER],
  "src/tokenizer/vocabulary.ts": [2, TOKENIZER],
  "src/training/best-model.ts": [4, TRAINING],
  "src/training/checkpoint.ts": [1, PART],
  "src/training/divergence.ts": [1, PART],
  "src/training/lr-schedule.ts": [3, TRAINING],
  "src/training/mixed-precision.ts": [4, TRAINING],
  "src/training/optimizer.ts": [5, TRAINING],
  "src/training/plan.ts": [1, TRAINING],
  "src/training/precision.ts": [2, TRAINING],
  "src/training/run-saves.ts": [1, PART],
  "src/training/same-run.ts": [2, "runs of several processes"],
  "src/training/sliding-windows.ts": [1, TRAINING],
  "src/training/text-dataset.ts": [2, "runs on plain text"],
  "src/training/trainer.ts": [3, `${TRAINING}; and runs of several processes`],
  "src/worker/client.ts": [2, `${CODE}; and what the worker said, which is known`],
  "src/worker/host.ts": [4, `${CODE}; and notes of others, which are known`],
  "src/worker/train.ts": [5, `${CODE}; and a note of which the parts are known`],
  "src/writing/fill-request.ts": [4, "what Write asks before it fills"],
  "src/writing/infiller.ts": [2, CODE],
  "src/writing/lengths.ts": [2, OPTIONS],
  "src/writing/model-folder.ts": [1, PART],
  "src/writing/plan.ts": [1, OPTIONS],
  "src/writing/several.ts": [1, OPTIONS],
  "src/writing/wishes.ts": [5, OPTIONS],
};

describe("what can be said in the page", () => {
  const said = saidInPage();
  const unknown = new Map<string, string[]>();
  for (const { file, text } of said) if (!kindOf(text)) unknown.set(file, [...(unknown.get(file) ?? []), text]);

  it("is read from the sources", () => {
    expect(said.length).toBeGreaterThan(300);
    const files = new Set(said.map(({ file }) => file));
    // A page's module, a worker's, one that is loaded later.
    for (const file of ["src/worker/client.ts", "src/worker/host.ts", "src/infill/books/archive.ts"])
      expect(files, file).toContain(file);
  });

  it("has words of the page's own, or is met by no writer", () => {
    for (const [file, texts] of unknown) {
      const [count] = NOT_MET[file] ?? [0];
      const asked = "give it words (studio/src/i18n/patterns.ts), or say here why no writer meets it";
      expect(texts.length, `${file}: ${asked}:\n${texts.join("\n")}`).toBe(count);
    }
  });

  it("has no entry for what is gone", () => {
    expect(Object.keys(NOT_MET).filter((file) => !unknown.has(file))).toEqual([]);
  });
});
