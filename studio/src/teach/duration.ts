// A length of time as people say it, in the interface's language: "2 hr, 5 min".
import { language } from "../i18n/index.ts";
import { partsOf } from "./duration-parts.ts";

export function formatDuration(seconds: number): string {
  return partsOf(seconds)
    .map(([value, unit]) =>
      new Intl.NumberFormat(language.value, { style: "unit", unit, unitDisplay: "short" }).format(value),
    )
    .join(" ");
}
