// Shares as texts.
import { percents } from "../i18n/index.ts";

/** A share that is not nothing never looks as if it were. */
export const shareText = (value: number): string =>
  value > 0 && value < 0.005 ? `< ${percents.value.format(0.01)}` : percents.value.format(value);
