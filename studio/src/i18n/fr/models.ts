import type { Messages } from "../messages.ts";

export const models: Messages["models"] = { title: "Modèles" };
