// The error that ends a generation when the model's output is no number.
import { UserError } from "../../errors.ts";
import type { Decoder } from "../device/decoder.ts";

/** The model gave NaN or an infinity where a token is to be chosen. */
export class NonFiniteLogits extends Error {
  private readonly prompt: number;
  private readonly ids: readonly number[];
  private readonly what: string;

  /** After `ids`, of prompt number `prompt`. */
  constructor(prompt: number, ids: readonly number[], what: string) {
    super(`generate: cannot choose token ${ids.length} of prompt ${prompt}: ${what}, wanted finite logits`);
    this.prompt = prompt;
    this.ids = ids;
    this.what = what;
  }

  /** The same for people, with the part of the model where such numbers first appear. */
  async explained(decoder: Decoder): Promise<UserError> {
    const part = await decoder.locateNonFinite?.(this.ids);
    const where =
      part === undefined
        ? ""
        : part === null
          ? "; run in one piece, the same text gives finite ones"
          : `; such numbers first appear in ${part}`;
    return new UserError(
      `The model gives no usable logits after ${this.ids.length} tokens of prompt ${this.prompt}: ` +
        `${this.what}${where}. Its weights are damaged or its training diverged: ` +
        "use another checkpoint, or removeInvalidValues to go on regardless.",
    );
  }
}
