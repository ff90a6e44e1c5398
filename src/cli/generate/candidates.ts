// Candidates as src/generate.ts and src/evaluate.ts write them: what is wrong with options is said in terms of flags.
import * as writing from "../../writing/candidates.ts";
import type { WriteOptions, Writer, Written } from "../../writing/candidates.ts";
import { withFlagNames } from "./options.ts";

export type { Candidate, WriteOptions, Writer, Written } from "../../writing/candidates.ts";

/** As writing/candidates.ts. */
export const write = (writer: Writer, options?: WriteOptions): Promise<Written> =>
  withFlagNames(() => writing.write(writer, options));
