// How many gaps are filled together where --batch_size leaves it open: as many as there is memory for, up to what
// makes a step cheaper for each. A step reads all weights once, whatever the number of its rows: that is what many rows
// share.
import type { Device } from "../../gpu/device.ts";
import { trialAllocation } from "../../gpu/trial-allocation.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import { positionBytes } from "../../gpt2/kv-cache.ts";
import type { Stored } from "../../gpt2/pretrained.ts";
import type { PlannedPrompt } from "../../writing/plan.ts";
import { freeMemory } from "../train/memory-check.ts";
import { ownLimits } from "./plan.ts";
import type { Plan } from "./plan.ts";

/** Rows in a step: on a processor arithmetic soon takes longer than reading the weights, on a GPU much later. */
const MOST_ROWS = { software: 16, gpu: 128 } as const;
/** Of a machine's free memory, which others use too. */
const SHARE_OF_FREE = 0.25;
/** Arrays [rows, T, C] that live at once while prompts run: the residual stream, q, k, v, the MLP's two of 4 C. */
const ARRAYS_OF_PROMPT = 14;

export interface Rows {
  /** How many of these prompts fit at once, at least one. */
  most(prompts: readonly PlannedPrompt[]): number;
}

const rowsOfGap = ({ config }: Plan): number => Math.max(config.numBeams, config.numReturnSequences);

/** Asks the device what there is, with the weights, kept as `dtype`, in its memory. Nothing stays taken. */
export async function rowsThatFit(device: Device, config: GPT2Config, plan: Plan, dtype?: Stored): Promise<Rows> {
  const bytesOf = (prompts: readonly PlannedPrompt[]): number => gapBytes(prompts, plan, config, dtype);
  const each = rowsOfGap(plan);
  const rows = device.software ? MOST_ROWS.software : MOST_ROWS.gpu;
  const gaps = Math.max(1, Math.floor(rows / each));
  const bytes = await available(device, gaps * bytesOf(plan.prompts));
  return {
    most: (prompts) => {
      const capacity = longest(prompts, plan);
      const layer = each * capacity * positionBytes(config, dtype);
      const byBinding = Math.floor(device.maxBindingBytes / layer);
      const byMemory = Math.floor(bytes / bytesOf(prompts));
      return Math.max(1, Math.min(gaps, byBinding, byMemory));
    },
  };
}

/** Of `wanted` bytes those that there are. */
async function available(device: Device, wanted: number): Promise<number> {
  if (device.software) return Math.min(wanted, SHARE_OF_FREE * freeMemory());
  const piece = Math.min(wanted, 2 ** 28);
  return trialAllocation(device, Array<number>(Math.ceil(wanted / piece)).fill(Math.ceil(piece / 4) * 4));
}

/** That one gap takes beside others like the longest of these: keys and values, logits, the prompt's activations. */
function gapBytes(
  prompts: readonly PlannedPrompt[],
  plan: Plan,
  config: GPT2Config,
  dtype: Stored | undefined,
): number {
  const each = rowsOfGap(plan);
  const { nLayer, nEmbd, vocabSize } = config;
  const capacity = longest(prompts, plan);
  const cache = each * capacity * (2 * nLayer * positionBytes(config, dtype) + 16); // and its tables
  const logits = 2 * each * vocabSize;
  return cache + 4 * (logits + ARRAYS_OF_PROMPT * capacity * nEmbd);
}

/** Positions that the longest of these prompts and its text take. */
function longest(prompts: readonly PlannedPrompt[], plan: Plan): number {
  return prompts.reduce((most, prompt) => {
    const { maxNewTokens = prompt.room } = ownLimits(plan, prompt);
    return Math.max(most, prompt.ids.length + (maxNewTokens ?? prompt.room));
  }, 1);
}
