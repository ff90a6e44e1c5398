// What the doctor prints: the machine, a line for each group of checks, and what to report.
import { formatBytes } from "../shared/format.ts";
import { printable } from "../../files/quote.ts";
import type { KernelCheck } from "../../doctor/check-table.ts";
import type { Machine } from "../../doctor/machine.ts";
import type { CacheReport } from "./places.ts";

const SHOWN = 3; // failures printed of a group
const MOST = 400; // characters of a driver's words

const row = (what: string, text: string): string => `${what.padEnd(9)} ${text}\n`;

export function machineText({ runtime, adapter }: Machine): string {
  const { description, key, vendor, architecture, device, driver, subgroupSizes, limits } = adapter;
  const named = [
    ["vendor", vendor],
    ["architecture", architecture],
    ["device", device],
    ["driver", driver],
  ].filter(([, value]) => value !== "");
  const lanes = subgroupSizes && [...new Set([subgroupSizes.least, subgroupSizes.most])].join(" to ");
  const sizes = Object.entries(limits).map(
    ([name, value]) => `${name} ${/Size$/.test(name) && value > 1e6 ? mebibytes(value) : value}`,
  );
  return [
    row("Runtime", printable(runtime, MOST)),
    row("Adapter", `${printable(description, MOST)} (${key})${adapter.software ? ", a software adapter" : ""}`),
    row("", named.map(([name, value]) => `${name} ${printable(value, MOST)}`).join(", ") || "it says no more"),
    row("Subgroups", lanes === undefined ? "none, or of an unknown size" : `of ${lanes} lanes`),
    row("Features", adapter.features.join(" ") || "none"),
    row("Limits", sizes.join(", ")),
    row("", `the engine binds ${mebibytes(adapter.maxBindingBytes)} at once`),
    ...(adapter.hint === undefined ? [] : [row("", adapter.hint)]),
  ].join("");
}

const mebibytes = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`;

export const cacheText = ({ path, writable, freeBytes }: CacheReport): string =>
  row("Models", `${path}${writable ? `, ${formatBytes(freeBytes ?? 0)} free` : ", not writable"}`);

export function checkText({ kernel, group, passed, failures, milliseconds, lacks }: KernelCheck): string {
  if (lacks !== undefined) return `skip  ${kernel.padEnd(24)} ${group}: this adapter has no ${lacks} here\n`;
  const title = `${kernel.padEnd(24)} ${group.padEnd(60)}`;
  if (failures.length === 0)
    return `ok    ${title} ${String(passed).padStart(3)} checks ${(milliseconds / 1000).toFixed(1).padStart(6)} s\n`;
  const shown = failures.slice(0, SHOWN).map(({ name, message }) => `      ${name}: ${message}\n`);
  const more = failures.length > SHOWN ? `      and ${failures.length - SHOWN} more\n` : "";
  const worst = worstRatio(failures.map(({ message }) => message));
  return (
    `FAIL  ${title} ${String(failures.length).padStart(3)} of ${passed + failures.length}${worst}\n` +
    `${shown.join("")}${more}`
  );
}

/** The greatest "N times the tolerance" among the messages. */
function worstRatio(messages: readonly string[]): string {
  const ratios = messages.flatMap((message) =>
    [...message.matchAll(/([\d.e+]+|Infinity) times the tolerance/g)].map((match) => Number(match[1])),
  );
  return ratios.length > 0 ? `, worst ${Math.max(...ratios).toPrecision(3)} times the tolerance` : "";
}
