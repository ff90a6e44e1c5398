// How several candidates are searched for, what is wrong said in terms of flags.
import * as writing from "../../writing/several.ts";
import { inFlags } from "./options.ts";

/** As writing/several.ts. */
export const severalCandidates = inFlags(writing.severalCandidates);
