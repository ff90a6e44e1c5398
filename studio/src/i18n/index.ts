// The texts of the interface in the language in force, for components: t.value.write.fill.
import { computed, effect, signal } from "@preact/signals";
import { readSetting, writeSetting } from "../app/settings.ts";
import { bestLanguage, isLanguage, LANGUAGES } from "./language.ts";
import type { Language } from "./language.ts";
import type { Messages } from "./messages.ts";
import { reasonIn } from "./reasons.ts";

const kept = readSetting("language");
export const language = signal<Language>(isLanguage(kept) ? kept : bestLanguage(navigator.languages));
export const t = computed<Messages>(() => LANGUAGES[language.value]);

export function chooseLanguage(wanted: Language): void {
  language.value = wanted;
  writeSetting("language", wanted);
}

effect(() => {
  document.documentElement.lang = language.value;
});

/** Why something failed, as the page says it. */
export function reasonOf({ name, message }: Error): string {
  return name === "QuotaExceededError" ? t.value.reasons.storageFull : reasonIn(t.value.reasons, message);
}

/** Numbers, sizes and dates as the language writes them. */
export const numbers = computed(() => new Intl.NumberFormat(language.value));
export const percents = computed(() => new Intl.NumberFormat(language.value, { style: "percent" }));
const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

export function formatBytes(bytes: number): string {
  const step = bytes < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(bytes) / 3));
  return new Intl.NumberFormat(language.value, {
    style: "unit",
    unit: SIZES[step],
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: step > 1 ? 1 : 0,
  }).format(bytes / 1000 ** step);
}

export function formatDate(time: number): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "short" }).format(time);
}
