import type { Messages } from "../messages.ts";

export const teach: Messages["teach"] = {
  title: "Enseigner",
  lead: "Donnez vos propres livres à apprendre au modèle.",
};
