// The whole embedding table that PEFT puts into an adapter's file where the vocabulary was resized before training
// (save_embedding_layers of get_peft_model_state_dict): rows that the base has not got are in no other place. The head
// of GPT-2 is tied to it, so a copy of the head must be the same numbers.
import { UserError } from "../errors.ts";
import type { Safetensors } from "../files/safetensors.ts";
import { PEFT_PREFIX } from "./lora-config.ts";

/** Of a layer as it is, and of one some rows of which are trained (trainable_token_indices). */
const namesOf = (layer: string): readonly string[] =>
  [`${layer}.weight`, `${layer}.token_adapter.base_layer.weight`].map((name) => PEFT_PREFIX + name);
const TABLE_NAMES = namesOf("transformer.wte");
const HEAD_NAMES = namesOf("lm_head");

export interface SavedTable {
  /** Rows of the table: the resized vocabulary. */
  readonly vocabSize: number;
  /** Of the file's tensors, which are the table and its copy. */
  readonly names: readonly string[];
  /** [vocabSize, C]. Throws UserError where table and copy differ. */
  read(): Promise<Float32Array>;
}

/** Undefined where the file has no table. */
export function savedTable(weights: Safetensors, where: string): SavedTable | undefined {
  const [table] = TABLE_NAMES.filter((name) => weights.tensors.has(name));
  if (table === undefined) return undefined;
  const heads = HEAD_NAMES.filter((name) => weights.tensors.has(name));
  return {
    vocabSize: weights.tensors.get(table)!.shape[0],
    names: [table, ...heads],
    async read() {
      const values = await weights.read(table);
      for (const head of heads) {
        const copy = await weights.read(head);
        if (copy.some((value, i) => value !== values[i]))
          throw new UserError(`${where}: ${head} is not ${table}, and GPT-2's head is tied to it.`);
      }
      return values;
    },
  };
}
