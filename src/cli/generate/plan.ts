// Plans as src/generate.ts and src/evaluate.ts make them: what is wrong with them is said in terms of flags.
import type { InfillRequest } from "../../infill/example.ts";
import * as writing from "../../writing/plan.ts";
import type { Plan, PlanSettings } from "../../writing/plan.ts";
import { needEncoder } from "../shared/load-model.ts";
import type { ModelFolder } from "../shared/load-model.ts";
import { withFlagNames } from "./options.ts";

export { ownLimits, promptInputs } from "../../writing/plan.ts";
export type { Plan, PlanSettings } from "../../writing/plan.ts";

/** As writing/plan.ts. */
export async function planGaps(
  model: ModelFolder,
  gaps: readonly InfillRequest[],
  prefix: string,
  settings: PlanSettings,
): Promise<Plan> {
  needEncoder(model);
  return withFlagNames(() => writing.planGaps(model, gaps, prefix, settings));
}

/** As writing/plan.ts. */
export const planPrompt = (model: ModelFolder, text: string, settings: PlanSettings): Promise<Plan> =>
  withFlagNames(() => writing.planPrompt(model, text, settings));
