// The texts of the interface in the language in force, for components: t.value.write.fill.
import { computed, effect, signal } from "@preact/signals";
import { readSetting, writeSetting } from "../app/settings.ts";
import { bytesOf, figureOf, percentOf } from "./figures.ts";
import { bestLanguage, isLanguage, LANGUAGES } from "./language.ts";
import type { Language } from "./language.ts";
import type { Messages } from "./messages.ts";
import { reasonIn, SaidError } from "./reasons.ts";

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

/** A sentence of the engine's, as the page says it. */
export const inWords = (sentence: string): string => reasonIn(t.value.reasons, sentence);

/** Why something failed, as the page says it. */
export function reasonOf(error: Error): string {
  if (error instanceof SaidError) return error.message;
  return error.name === "QuotaExceededError" ? t.value.reasons.storageFull : inWords(error.message);
}

/** Numbers, sizes and dates as the language writes them. */
export const numbers = computed(() => new Intl.NumberFormat(language.value));
export const formatPercent = (share: number): string => percentOf(language.value, t.value.app, share);
/** Of what is under way: whole percents that are done. */
export const formatDone = (share: number): string => formatPercent(Math.floor(100 * share) / 100);
export const formatFigure = (value: number): string => figureOf(language.value, value);
export const formatBytes = (bytes: number): string => bytesOf(language.value, bytes);

export function formatDate(time: number): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "short" }).format(time);
}
