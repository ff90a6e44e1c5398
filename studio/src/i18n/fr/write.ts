import type { Messages } from "../messages.ts";

export const write: Messages["write"] = { title: "Écrire" };
