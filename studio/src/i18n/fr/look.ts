import type { Messages } from "../messages.ts";

export const look: Messages["look"] = { title: "Voir dedans", lead: "Voyez parmi quoi un texte a été choisi." };
