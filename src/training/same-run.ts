// Whether ranks that train together train the same model: data files that differ from machine to machine, or a stale
// copy of a checkpoint, would make one that nobody asked for.
import { UserError } from "../errors.ts";
import type { GPT2LMHeadModel } from "../gpt2/model.ts";
import { differences } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Ranks } from "./ranks.ts";

/** All ranks call it. Throws UserError where one has another fingerprint than rank 0. */
export async function expectSameRun(ranks: Ranks, mine: Fingerprint): Promise<void> {
  await ranks.agree(mine, (all) => {
    for (const [rank, each] of all.entries()) {
      const differing = differences(all[0], each);
      if (differing.length > 0)
        throw new UserError(
          `Rank ${rank} would train something else than rank 0: ${differing.join("; ")}. Give all the same flags, ` +
            "and the same files on every machine.",
        );
    }
    return true;
  });
}

/** All ranks call it. Throws UserError where one has another fingerprint or other weights than rank 0. */
export async function expectSame(ranks: Ranks, mine: Fingerprint, model: GPT2LMHeadModel): Promise<void> {
  await expectSameRun(ranks, mine);
  await ranks.agree(await checksum(model), (all) => {
    const rank = all.findIndex((each) => each !== all[0]);
    if (rank >= 0)
      throw new UserError(
        `Rank ${rank} starts from other weights than rank 0: the model's files are not the same on every machine.`,
      );
    return true;
  });
}

/** FNV-1a over the weights' 32-bit words: against accidents, not against attacks. */
async function checksum({ device, parameters, adapter }: GPT2LMHeadModel): Promise<number> {
  let hash = 0x811c9dc5;
  for (const { value } of [...parameters.all(), ...(adapter?.parameters.all() ?? [])]) {
    const { buffer, byteOffset, length } = await device.read(value);
    for (const word of new Uint32Array(buffer, byteOffset, length)) hash = Math.imul(hash ^ word, 0x01000193);
  }
  return hash >>> 0;
}
