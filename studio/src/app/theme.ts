// Light or dark: as the system has it, unless the user says otherwise.
import { effect, signal } from "@preact/signals";
import { readSetting, writeSetting } from "./settings.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const kept = readSetting("theme") as Theme;
export const theme = signal<Theme>(THEMES.includes(kept) ? kept : "system");

effect(() => {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

export function chooseTheme(wanted: Theme): void {
  theme.value = wanted;
  writeSetting("theme", wanted);
}
