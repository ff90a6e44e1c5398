// Processors that a caller brings: checked when the call begins, and their edits whenever they are made.
import { UserError } from "../../errors.ts";
import { checkTokens } from "../options/prompts.ts";
import { isEditing } from "./logits-processor.ts";
import type { EditingProcessor, LogitEdit, LogitsProcessor, RowContext } from "./logits-processor.ts";

const METHOD_OF: Readonly<Record<LogitsProcessor["needs"], "edits" | "apply">> = {
  lengths: "edits",
  text: "edits",
  groups: "edits",
  sampler: "apply",
  sum: "apply",
  candidates: "apply",
  logits: "apply",
};

/** Throws UserError for one that is no LogitsProcessor; the others' edits are checked against the vocabulary. */
export function checkedProcessors(given: readonly LogitsProcessor[], vocabSize: number): LogitsProcessor[] {
  return given.map((processor, i) => {
    const name = `logitsProcessors[${i}]`;
    const needs: unknown = processor?.needs;
    if (typeof needs !== "string" || !Object.hasOwn(METHOD_OF, needs))
      throw new UserError(
        `${name} says that it needs ${JSON.stringify(needs) ?? "nothing"}; ` +
          `wanted a property needs that is ${Object.keys(METHOD_OF).join(", ")}.`,
      );
    const method = METHOD_OF[processor.needs];
    if (typeof (processor as unknown as Record<string, unknown>)[method] !== "function")
      throw new UserError(`${name} needs ${processor.needs} and has no ${method}(); give it one.`);
    return isEditing(processor) ? new CheckedEdits(processor, name, vocabSize) : processor;
  });
}

class CheckedEdits implements EditingProcessor {
  readonly needs: EditingProcessor["needs"];
  private readonly inner: EditingProcessor;
  private readonly name: string;
  private readonly vocabSize: number;

  constructor(inner: EditingProcessor, name: string, vocabSize: number) {
    this.needs = inner.needs;
    this.inner = inner;
    this.name = name;
    this.vocabSize = vocabSize;
  }

  edits(context: RowContext): readonly LogitEdit[] {
    const edits = this.inner.edits(context);
    const tokens = edits.map(({ token }) => token);
    checkTokens(this.name, tokens, this.vocabSize);
    return edits;
  }
}
