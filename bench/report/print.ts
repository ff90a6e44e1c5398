// A report for people: the machine, each stage's results, and what the toggles change.
import { machineText } from "../../src/cli/doctor/print.ts";
import { printable } from "../../src/files/quote.ts";
import { sizesText, tableHead, tableLines } from "../result.ts";
import type { Machine } from "../../src/doctor/machine.ts";
import type { MatrixConfig } from "./machine.ts";
import type { StageOutcome } from "./run-stage.ts";
import { PLAIN } from "./stages.ts";

export const machineLines = (machine: Machine, matrices: readonly MatrixConfig[]): string =>
  `${machineText(machine)}Matrices  ${matrices.map(matrixText).join(", ") || "no subgroup matrices"}\n`;

const matrixText = ({ componentType, resultComponentType, M, N, K }: MatrixConfig): string =>
  `${componentType} -> ${resultComponentType} ${M}x${N}x${K}`;

export function stageLines({ name, seconds, ended, results, text }: StageOutcome): string {
  const head = `\n${name}: ${seconds.toFixed(0)} s${ended === "whole" ? "" : `, ${ended}`}`;
  const table = results.length > 0 ? [tableHead, ...results.map(tableLines)] : [];
  const said = ended === "failed" ? text.slice(-10) : results.length > 0 ? [] : text.slice(-1);
  return `${[head, ...table, ...said.map((line) => printable(line, 400))].join("\n")}\n`;
}

/** What each toggle does to each kernel's time, as a share of the mean of the plain runs around it. */
export function toggleLines(stages: readonly StageOutcome[], toggled: readonly string[]): string {
  const plain = stages.filter(({ name }) => name.startsWith(PLAIN));
  const keyOf = ({ name, sizes }: StageOutcome["results"][number]): string => `${name} ${sizesText(sizes)}`;
  const times = new Map<string, number[]>();
  for (const { results } of plain)
    for (const result of results) times.set(keyOf(result), [...(times.get(keyOf(result)) ?? []), result.median_ms]);
  const rows = stages
    .filter(({ name }) => toggled.includes(name))
    .map(({ name, results }) => {
      const ratios = results
        .filter((result) => times.has(keyOf(result)) && !result.name.startsWith("ceiling"))
        .map((result) => result.median_ms / mean(times.get(keyOf(result))!));
      return ratios.length === 0
        ? `${name}: not measured`
        : `${name}: ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} of the plain times, ` +
            `geometric mean ${Math.exp(mean(ratios.map(Math.log))).toFixed(2)}`;
    });
  const drift = plain.length < 2 ? "" : ` (the two plain runs themselves differ by ${drifts(times)})`;
  return `\nToggles of Dawn${drift}\n${rows.join("\n")}\n`;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function drifts(times: ReadonlyMap<string, readonly number[]>): string {
  const pairs = [...times.values()].filter(({ length }) => length === 2);
  return `up to ${(100 * Math.max(...pairs.map(([a, b]) => Math.abs(b / a - 1)))).toFixed(0)}%`;
}
