// The gaps that a run's report shows at every evaluation: a few of the evaluation examples, drawn once, and what the
// model in training writes into them. Of plain text the beginnings of examples, and how the model goes on.
import { exampleSet } from "../../examples/example-set.ts";
import { GPT2Decoder } from "../../generation/device/gpt2-decoder.ts";
import type { GPT2LMHeadModel } from "../../gpt2/model.ts";
import { InfillEncoder } from "../../infill/encode.ts";
import { metadataFields, metadataText } from "../../infill/metadata-text.ts";
import { Random } from "../../random.ts";
import type { ReportGap } from "../../training/report.ts";
import type { ModelFolder } from "../../writing/model-folder.ts";
import { planGaps, planPrompt } from "../../writing/plan.ts";
import type { Plan } from "../../writing/plan.ts";
import { write } from "../../writing/candidates.ts";
import { drawNumbers } from "../shared/draw.ts";
import type { Job } from "./job.ts";

/** Tokens that plain text begins with, at most, and that are written after them. */
const OPENING = 48,
  CONTINUATION = 64;
/** Drawn from what is probable, each time with the same seed: what changes is the model. */
const SAMPLING = { doSample: true, topP: 0.9 };

export interface SameGap extends Omit<ReportGap, "written"> {
  readonly plan: (model: ModelFolder) => Plan;
}

/** As many as the flags say, drawn by the run's seed; none where nothing is evaluated. */
export function sameGaps({ evaluation, args, flags: { reportGaps }, start: { template, tokenizer } }: Job): SameGap[] {
  if (!evaluation) return [];
  const { gaps } = evaluation;
  const examples = exampleSet(evaluation.examples);
  const numbers = [...drawNumbers(examples.length, reportGaps, new Random(args.seed))];
  const options = { ...SAMPLING, seed: args.seed };
  if (template && gaps)
    return numbers.map((number): SameGap => {
      const gap = gaps.at(number)!;
      const meta = metadataText(metadataFields(template, gap.meta, "The example"));
      return {
        given: [
          ["before (p1)", gap.p1],
          ["after (p3)", gap.p3],
          ...(meta === "" ? [] : [["wished for", meta] as const]),
        ],
        real: ["the author's text (p2)", gap.p2],
        plan: (model) => planGaps(model, [gap], "", { options, allowSpecialTokens: false }),
      };
    });
  return numbers.map((number): SameGap => {
    const { ids } = examples.at(number);
    const start = Math.min(OPENING, Math.ceil(ids.length / 2));
    const opening = tokenizer.decode(ids.slice(0, start));
    return {
      given: [["the text begins", opening]],
      real: ["it goes on", tokenizer.decode(ids.slice(start, start + CONTINUATION))],
      plan: (model) => {
        const left = model.config.nPositions - tokenizer.encode(opening).length;
        const limited = { ...options, maxNewTokens: Math.min(CONTINUATION, left) };
        return planPrompt(model, opening, { options: limited, allowSpecialTokens: false });
      },
    };
  });
}

/** What the model writes into each of them. Throws as write(). */
export async function fillGaps(
  model: GPT2LMHeadModel,
  gaps: readonly SameGap[],
  { template, tokenizer, folder }: Job["start"],
): Promise<string[]> {
  const { config } = model;
  const encoder = template && new InfillEncoder(template, tokenizer);
  const modelFolder: ModelFolder = { folder, config, tokenizer, defaults: {}, encoder, history: "" };
  const decoder = new GPT2Decoder(model);
  const texts: string[] = [];
  try {
    for (const gap of gaps) {
      const plan = gap.plan(modelFolder);
      const { candidates } = await write({ decoder, tokenizer, plan, trim: true });
      const [{ text } = { text: "" }] = candidates[0];
      texts.push(plan.inGap ? text : text.slice(plan.prompts[0].opening.length));
    }
  } finally {
    decoder.dispose();
    await model.device.finish();
  }
  return texts;
}
