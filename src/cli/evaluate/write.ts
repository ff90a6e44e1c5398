// Writes p2 for the examples of an evaluation, as the model would by itself: with no bounds from the length class and
// with special tokens allowed, since whether it keeps to the one and avoids the other is what is measured; or guarded,
// as src/generate.ts writes.
import type { Decoder } from "../../generation/device/decoder.ts";
import { generate } from "../../generation/generate.ts";
import { UnmetConstraints } from "../../generation/loops/constraint.ts";
import type { GenerationOptions } from "../../generation/options/options.ts";
import type { InfillExample } from "../../infill/example.ts";
import { lengthOf, lengthRule, wantedClass } from "../../evaluation/length-rule.ts";
import type { LengthRule } from "../../evaluation/length-rule.ts";
import type { LengthBounds } from "../../infill/length-class.ts";
import type { WrittenText } from "../../evaluation/written-figures.ts";
import type { InfillModel } from "./data.ts";
import { write } from "../generate/candidates.ts";
import type { WriteOptions, Writer, Written } from "../generate/candidates.ts";
import type { ScoringDecoder } from "../../writing/log-probs.ts";
import { withFlagNames } from "../generate/options.ts";
import { ownLimits, planGaps, promptInputs } from "../generate/plan.ts";
import type { Plan } from "../generate/plan.ts";
import { withBeams } from "../generate/wishes.ts";
import type { Wishes } from "../generate/wishes.ts";

/**
 * Prompts and complete options. With `wishes` (which may ask for nothing) as src/generate.ts writes, else as the model
 * would by itself. Throws UserError for options that contradict each other or leave no room.
 */
export function planTexts(
  model: InfillModel,
  examples: readonly InfillExample[],
  options: GenerationOptions,
  wishes?: Wishes,
): Promise<Plan> {
  const one = { ...options, numReturnSequences: 1 };
  const settings = wishes
    ? { options: withBeams(one, wishes, false), allowSpecialTokens: false, wishes }
    : { options: one, allowSpecialTokens: true };
  return planGaps(model, examples, "", settings);
}

export interface WriteTextsOptions {
  readonly batchSize: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, tokens: number) => void;
  /** Numbers of the plan's prompts; default all. */
  readonly which?: readonly number[];
  /** Given each text as it is there, with its number, and waited for. */
  readonly onWritten?: (number: number, text: WrittenText) => Promise<void> | void;
}

const allOf = (plan: Plan): number[] => plan.prompts.map((_, number) => number);

/** A text for each example of the plan, as src/generate.ts writes it; an empty one where none is as asked for. */
export async function writeGuarded(
  { tokenizer }: InfillModel,
  decoder: ScoringDecoder,
  plan: Plan,
  examples: readonly InfillExample[],
  { signal, onProgress, which = allOf(plan), onWritten }: Omit<WriteTextsOptions, "batchSize">,
): Promise<WrittenText[]> {
  const written: WrittenText[] = [];
  for (const i of which) {
    const example = examples[i];
    const found = await writeMet({ decoder, tokenizer, plan, trim: true }, { which: [i], signal });
    signal.throwIfAborted();
    const asked = plan.prompts[i].constraints !== undefined;
    const [best] = found?.candidates[0] ?? [];
    written.push({
      example,
      text: best?.text ?? "",
      tokens: best?.tokens ?? 0,
      specials: 0,
      ended: best?.reason === "eos",
      ...(asked && { held: best !== undefined }),
      ...(best?.cost && { cost: best.cost.logProbPerToken }),
    });
    await onWritten?.(i, written.at(-1)!);
    onProgress?.(written.length, best?.tokens ?? 0);
  }
  return written;
}

/** As write(); undefined where no text is as asked for. */
export async function writeMet(writer: Writer, options: WriteOptions): Promise<Written | undefined> {
  try {
    return await write(writer, options);
  } catch (error) {
    if (error instanceof UnmetConstraints) return undefined;
    throw error;
  }
}

/** Those of `which`, numbers of the plan's prompts, at most `size` together that there is the same room after. */
function batchesOfOneRoom({ prompts }: Plan, which: readonly number[], size: number): number[][] {
  const byRoom = new Map<number, number[]>();
  for (const number of which) {
    const { room } = prompts[number];
    byRoom.set(room, [...(byRoom.get(room) ?? []), number]);
  }
  return [...byRoom.values()].flatMap((numbers) =>
    Array.from({ length: Math.ceil(numbers.length / size) }, (_, i) => numbers.slice(i * size, (i + 1) * size)),
  );
}

/** A text for each example of the plan, as the model writes by itself. */
export async function writeTexts(
  model: InfillModel,
  decoder: Decoder,
  plan: Plan,
  examples: readonly InfillExample[],
  { batchSize, signal, onProgress, which = allOf(plan), onWritten }: WriteTextsOptions,
): Promise<WrittenText[]> {
  const { tokenizer } = model;
  const written: WrittenText[] = [];
  let done = 0;
  for (const numbers of batchesOfOneRoom(plan, which, batchSize)) {
    const prompts = numbers.map((number) => plan.prompts[number]);
    const limits = ownLimits(plan, { ...prompts[0], limits: {} });
    const output = await withFlagNames(() =>
      generate(decoder, { ...plan.options, ...limits, ...promptInputs(prompts), signal, tokenizer }, plan.defaults),
    );
    signal.throwIfAborted();
    output.generated.forEach((ids, i) => {
      const ended = output.finishReasons[i] === "eos";
      const body = ended ? ids.slice(0, -1) : ids;
      const plain = body.filter((id) => !tokenizer.isSpecial(id));
      const number = numbers[i];
      written[number] = {
        example: examples[number],
        text: tokenizer
          .decode(plain)
          .replace(/\uFFFD+$/, "")
          .trim(),
        tokens: body.length,
        specials: body.length - plain.length,
        ended,
      };
    });
    for (const number of numbers) await onWritten?.(number, written[number]);
    onProgress?.(
      (done += numbers.length),
      output.generated.reduce((sum, ids) => sum + ids.length, 0),
    );
  }
  return which.map((number) => written[number]);
}

/** The real p2 of an example in the same form. */
export function realText({ tokenizer }: InfillModel, example: InfillExample): WrittenText {
  const text = example.p2.trim();
  return {
    example,
    text,
    tokens: tokenizer.encode(` ${text}`, { allowSpecial: false }).length,
    specials: 0,
    ended: true,
  };
}

/** What the length classes of these examples mean: what the model was taught, else `recorded` of the examples' file. */
export function ruleFor(
  model: InfillModel,
  examples: readonly InfillExample[],
  recorded?: LengthBounds,
): LengthRule | undefined {
  const { lengthBounds = recorded } = model.encoder.template;
  return lengthRule(
    { lengthBounds },
    examples.flatMap((example) => {
      const wanted = wantedClass(example);
      const { text, tokens } = realText(model, example);
      return wanted ? [{ wanted, length: lengthOf(text, tokens) }] : [];
    }),
  );
}
