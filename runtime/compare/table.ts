/** @file Runs beside each other as a table: what they were asked for where that differs, and what came of it. */
import { figureText } from "../run/measured.js";
import type { ComparedRun } from "./read.js";

/** A line of the table: a value a run, in words; `best` tells the best of them, where they are not all equally good. */
interface Row {
  readonly title: string;
  readonly values: readonly string[];
  readonly best?: readonly boolean[];
}

/** More runs than these stand below each other. */
const MOST_COLUMNS = 5;
const LONGEST = 40;

const NONE = "-";
const count = (n: number) => n.toLocaleString("en-US");

/** The table as text, its last line with an end. The best of a line has a star. */
export function comparisonTable(runs: readonly ComparedRun[]): string {
  const rows = [...optionRows(runs), ...resultRows(runs)];
  const cells = [
    ["", ...runs.map(({ label }) => label)],
    ...rows.map(({ title, values, best }) => [
      title,
      ...values.map((value, i) => (best?.[i] ? `${shortened(value)} *` : shortened(value))),
    ]),
  ];
  const table = runs.length > MOST_COLUMNS ? transposed(cells) : cells;
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  const text = table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  const rule = "-".repeat(Math.max(...text.map((line) => line.length)));
  return `${[text[0], rule, ...text.slice(1)].join("\n")}\n`;
}

const transposed = (cells: readonly (readonly string[])[]) =>
  cells[0]!.map((_, column) => cells.map((line) => line[column]!));

const shortened = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** The options that are not the same in all runs. */
function optionRows(runs: readonly ComparedRun[]): readonly Row[] {
  const names = [...new Set(runs.flatMap(({ options }) => [...options.keys()]))];
  return names
    .map((title) => ({ title, values: runs.map(({ options }) => options.get(title) ?? NONE) }))
    .filter(({ values }) => new Set(values).size > 1);
}

function resultRows(runs: readonly ComparedRun[]): readonly Row[] {
  return [
    { title: "run", values: runs.map(({ state }) => state) },
    { title: "steps", values: runs.map(({ steps }) => count(steps)) },
    ranked(
      "final loss",
      runs,
      ({ finalLoss }) => finalLoss,
      -1,
      (loss) => loss.toFixed(4),
    ),
    ranked(
      "lowest loss",
      runs,
      ({ bestLoss }) => bestLoss?.value,
      -1,
      (loss, { bestLoss }) => `${loss.toFixed(4)} at step ${count(bestLoss!.step)}`,
    ),
    ...evaluationRows(runs),
    ranked(
      "a step",
      runs,
      ({ seconds, steps }) => (steps > 0 ? seconds / steps : undefined),
      -1,
      (seconds) => `${(1000 * seconds).toFixed(seconds < 0.01 ? 2 : 0)} ms`,
    ),
    { title: "training", values: runs.map(({ seconds }) => duration(seconds)) },
  ];
}

/** Of each number: the last, and the best where another one was better. */
function evaluationRows(runs: readonly ComparedRun[]): readonly Row[] {
  const keys = new Map<string, readonly [result: string, figure: string]>();
  for (const { evaluations } of runs)
    for (const { results } of evaluations)
      for (const [result, figures] of results)
        for (const figure of figures.keys()) keys.set(`${result}: ${figure}`, [result, figure]);
  return [...keys].map(([title, [result, name]]) => {
    const figure = ({ evaluations }: ComparedRun) =>
      evaluations.flatMap(({ results }) => results.get(result)?.get(name) ?? []).at(-1);
    const lower = runs.some((run) => figure(run)?.better === "lower");
    return ranked(
      title,
      runs,
      (run) => figure(run)?.value ?? undefined,
      lower ? -1 : 1,
      (_, run) => figureText(figure(run)!),
    );
  });
}

/** A line of numbers, of which the largest (`sign` 1) or the smallest (-1) is the best. */
function ranked(
  title: string,
  runs: readonly ComparedRun[],
  numberOf: (run: ComparedRun) => number | undefined,
  sign: 1 | -1,
  words: (value: number, run: ComparedRun) => string,
): Row {
  const values = runs.map(numberOf);
  const known = values.filter((value) => value !== undefined);
  const top = Math.max(...known.map((value) => sign * value));
  const equal = known.every((value) => sign * value === top);
  const best = values.map((value) => !equal && value !== undefined && sign * value === top);
  return {
    title,
    values: runs.map((run, i) => (values[i] === undefined ? NONE : words(values[i]!, run))),
    best,
  };
}

function duration(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
