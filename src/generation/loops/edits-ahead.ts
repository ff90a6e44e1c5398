// Edits of steps that are sent before the text they follow on is known. Those that follow from lengths are known all
// the same; those that follow from the text are taken to be what they were last, and are compared once the text is
// known: a choice that was made with others is taken back. So the tokens are those of steps sent one by one. Rules that
// seldom change what they edit (words that must not be completed, a template's syntax) are then nearly free; where
// edits change with every token (a repetition penalty) none is guessed.
import { isEditing } from "../scores/logits-processor.ts";
import type { EditingProcessor, LogitEdit, LogitsProcessor } from "../scores/logits-processor.ts";
import type { RowEdits } from "../device/decoder.ts";
import { contextOf } from "./sample-loop.ts";
import type { GrowingRow } from "./sample-loop.ts";

/** So many choices in a row must have had the edits of the one before until the next ones' are guessed. */
const STEADY = 4;

export class EditsAhead {
  private readonly editing: readonly EditingProcessor[];
  /** What each processor that reads the text asked for last. */
  private readonly last = new Map<GrowingRow, ReadonlyMap<EditingProcessor, readonly LogitEdit[]>>();
  /** Infinity: no edit follows from the text. */
  private steady: number;
  private readonly canGoBack: boolean;

  /** `canGoBack`: whether the decoder can take choices back. */
  constructor(processors: readonly LogitsProcessor[], canGoBack: boolean) {
    this.editing = processors.filter(isEditing);
    this.steady = this.editing.some(readsText) ? 0 : Infinity;
    this.canGoBack = canGoBack;
  }

  /** Whether the next choices may be sent before the text is known. */
  get foreseeable(): boolean {
    return this.steady === Infinity || (this.canGoBack && this.steady >= STEADY);
  }

  /** Takes note of what the text, now known, asks for. Returns whether that is what it asked for before. */
  confirm(rows: readonly GrowingRow[]): boolean {
    if (this.steady === Infinity) return true;
    let same = true;
    for (const [r, row] of rows.entries()) {
      if (row.reason) continue;
      const context = contextOf(row, row.ids.length, r);
      const before = this.last.get(row);
      const now = new Map(this.editing.filter(readsText).map((processor) => [processor, processor.edits(context)]));
      same &&= before !== undefined && [...now].every(([processor, edits]) => equal(edits, before.get(processor)!));
      this.last.set(row, now);
    }
    this.steady = same ? this.steady + 1 : 0;
    return same;
  }

  /**
   * The edits of choice number `step`, with what the text asked for last. Rows that are over need none: what they
   * choose is not looked at.
   */
  at(rows: readonly GrowingRow[], step: number): RowEdits | undefined {
    const edits = rows.map((row, r) => {
      if (row.reason) return [];
      const context = contextOf(row, row.prompt.ids.length + step, r);
      const ofText = this.last.get(row);
      return this.editing.flatMap((processor) => ofText?.get(processor) ?? processor.edits(context));
    });
    return edits.some((row) => row.length > 0) ? edits : undefined;
  }
}

const readsText = ({ needs }: EditingProcessor): boolean => needs !== "lengths";

const equal = (some: readonly LogitEdit[], others: readonly LogitEdit[]): boolean =>
  some === others ||
  (some.length === others.length &&
    some.every(({ kind, token, value }, i) => {
      const other = others[i];
      return kind === other.kind && token === other.token && value === other.value;
    }));
