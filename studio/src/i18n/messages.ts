// What every language must say: the keys of English, each a text or a function of the same arguments. A language that
// lacks one does not compile.
import type { en } from "./en/index.ts";

type Text<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { readonly [K in keyof T]: Text<T[K]> };

export type Messages = Text<typeof en>;
