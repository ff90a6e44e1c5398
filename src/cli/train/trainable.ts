// Which parameters the flags say are trained: all, all but frozen ones, or an adapter's.
import { UserError } from "../../errors.ts";
import type { Folder } from "../../files/folder.ts";
import { AdapterFolder, openModelCheckpoint, readLoraConfig, readModelConfig } from "../../gpt2/adapter-files.ts";
import { parameterShapes } from "../../gpt2/checkpoint-files.ts";
import type { GPT2Config } from "../../gpt2/config.ts";
import { frozenParameters } from "../../gpt2/freeze.ts";
import { LoraConfig } from "../../gpt2/lora-config.ts";
import type { Trainable } from "../../gpt2/pretrained.ts";
import { digest } from "../../training/fingerprint.ts";
import type { Fingerprint } from "../../training/fingerprint.ts";
import { flagName } from "../shared/flag-table.ts";
import type { FlagValues } from "../shared/flags.ts";
import type { TrainFlags } from "./flags.ts";

type Flags = Pick<FlagValues<TrainFlags>, "freeze" | "loraR" | "loraAlpha" | "loraDropout" | "loraTarget">;

const names = (list: readonly string[]): string[] => list.flatMap((text) => text.split(",")).map((text) => text.trim());

/** Which of the model's own parameters. Throws UserError as frozenParameters. */
export function trainableBy(flags: Flags, config: GPT2Config): Trainable {
  if (flags.freeze.length === 0) return true;
  const frozen = frozenParameters(names(flags.freeze), parameterShapes(config).keys());
  return (name) => !frozen.has(name);
}

/**
 * The adapter that is trained: the folder's, or the one that the flags ask for on the model in it, which `baseName`
 * names; undefined: none. Of tokens from `config.vocabSize` to `vocabSize`, which the model gets new, the rows are
 * trained. Throws UserError for flags that the folder's adapter contradicts.
 */
export async function adapterOf(
  flags: Flags,
  folder: Folder,
  {
    config,
    vocabSize,
    baseName,
  }: { readonly config: GPT2Config; readonly vocabSize: number; readonly baseName: string },
): Promise<LoraConfig | undefined> {
  const { loraR, loraAlpha, loraDropout, loraTarget } = flags;
  const given = {
    ...(loraR !== undefined && { r: loraR }),
    ...(loraAlpha !== undefined && { loraAlpha }),
    ...(loraDropout !== undefined && { loraDropout }),
    ...(loraTarget.length > 0 && { targetModules: names(loraTarget) }),
  };
  const added = Array.from({ length: Math.max(0, vocabSize - config.vocabSize) }, (_, i) => config.vocabSize + i);
  if (!(folder instanceof AdapterFolder)) {
    if (loraR === undefined) return undefined;
    return new LoraConfig({ ...given, trainableTokenIndices: added, baseModelNameOrPath: baseName });
  }
  const lora = await readLoraConfig(folder);
  const wanted = lora.with(given);
  if (
    JSON.stringify({ ...wanted.toJson(), target_modules: wanted.layers }) !==
    JSON.stringify({ ...lora.toJson(), target_modules: lora.layers })
  )
    throw new UserError(
      `${folder.name} is an adapter with ${described(lora)}; leave the --lora flags out to go on training it, or ` +
        "merge it (src/export.ts --merge) to begin another.",
    );
  if (flags.freeze.length > 0)
    throw new UserError(
      `${folder.name} is an adapter, whose base is frozen as a whole; leave ${flagName("freeze")} out.`,
    );
  if (added.length > 0)
    throw new UserError(
      `${folder.name} is an adapter, and ${added.length} tokens of the template are in neither it nor its base; ` +
        "merge it first (src/export.ts --merge), or take its own template.",
    );
  return lora;
}

/** "r 8, alpha 16, dropout 0 on c_attn" */
export function described({ r, loraAlpha, loraDropout, targetModules }: LoraConfig): string {
  return `r ${r}, alpha ${loraAlpha}, dropout ${loraDropout} on ${targetModules.join(", ")}`;
}

/** Which of the parameters are trained, as names and values for people; nothing where all are. */
export function trainableFacts(flags: Flags, lora: LoraConfig | undefined): readonly (readonly [string, string])[] {
  if (!lora) return flags.freeze.length === 0 ? [] : [["freeze", names(flags.freeze).join(", ")]];
  return [
    ["lora_r", String(lora.r)],
    ["lora_alpha", String(lora.loraAlpha)],
    ["lora_dropout", String(lora.loraDropout)],
    ["lora_target", lora.layers.join(", ")],
    ...(lora.useRslora ? [["use_rslora", "true"] as const] : []),
    ...(lora.trainableTokenIndices.length > 0
      ? [["trainable_token_indices", ranges(lora.trainableTokenIndices)] as const]
      : []),
  ];
}

/** [3, 4, 5, 9] -> "3 to 5, 9" */
function ranges(numbers: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(", ");
}

/** What makes this run this run and no other; nothing where all is trained. `folder`: where the weights are from. */
export async function trainableSettings(
  flags: Flags,
  lora: LoraConfig | undefined,
  folder: Folder,
): Promise<Fingerprint> {
  if (!lora) return flags.freeze.length === 0 ? {} : { freeze: names(flags.freeze).sort().join(",") };
  return {
    lora_r: lora.r,
    lora_alpha: lora.loraAlpha,
    lora_dropout: lora.loraDropout,
    lora_target: lora.layers.join(","),
    base_weights: await weightsDigest(folder instanceof AdapterFolder ? folder.base : folder),
  };
}

/** Of all of a model's values: an adapter is nothing without them, and its checkpoints do not hold them. */
async function weightsDigest(folder: Folder): Promise<string> {
  const config = await readModelConfig(folder);
  const digests: string[] = [];
  await (
    await openModelCheckpoint(folder, config)
  ).read(async (_, { buffer, byteOffset, byteLength }) => {
    digests.push(await digest(new Uint8Array(buffer, byteOffset, byteLength)));
  });
  return digest(digests.join());
}
