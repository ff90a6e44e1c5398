// How many positions are kept for p2 before p2 is known. Training and generation cut the context to the same room,
// which follows from the length class alone: cut to what the true p2 leaves, every training example would end at the
// last position, and the model would learn that a text ends there and nowhere else. (Measured on novels of three
// passages that never fit: such a model kept to 11% of the length classes it was asked for.)
import type { InfillRequest } from "./example.ts";
import type { InfillTemplate } from "./template.ts";

/** The fewest and the most tokens of p2 that a request's length class means, where the template says so. */
export function classBounds(
  { meta }: Pick<InfillRequest, "meta">,
  { lengthBounds }: Pick<InfillTemplate, "lengthBounds">,
): [least: number, most: number] | undefined {
  const wanted = typeof meta === "object" && Object.hasOwn(meta, "length") ? meta["length"] : undefined;
  if (lengthBounds === undefined || (wanted !== "S" && wanted !== "M" && wanted !== "L")) return undefined;
  const [small, medium] = lengthBounds;
  return { S: [1, small], M: [small + 1, medium], L: [medium + 1, Infinity] }[wanted] as [number, number];
}

/**
 * Tokens for p2 and its end, at most half of `positions`: the most of its length class; of the long class, and without
 * one, a quarter more than the long class must have. 0 where the template has no bounds.
 */
export function roomForP2(
  request: Pick<InfillRequest, "meta">,
  template: Pick<InfillTemplate, "lengthBounds">,
  positions: number,
): number {
  if (template.lengthBounds === undefined) return 0;
  const [least, most] = classBounds(request, template) ?? [template.lengthBounds[1] + 1, Infinity];
  const tokens = most === Infinity ? Math.ceil(1.25 * least) : most;
  return Math.min(tokens + 1, Math.floor(positions / 2));
}
