/** @file The result as a table: faults down, moments across. */
import { FAULTS, MOMENTS, type Moment } from "./faults.js";
import type { Kind, Problem } from "./trial.js";

export interface Row {
  readonly fault: string;
  readonly moment: Moment;
  readonly struck: boolean;
  readonly problems: readonly Problem[];
}

const KINDS: readonly Kind[] = ["lost", "hung", "unexplained"];
const failed = (rows: readonly Row[]) => rows.filter((row) => row.problems.length).length;
const withKind = (rows: readonly Row[], kind: Kind) =>
  rows.filter((row) => row.problems.some((problem) => problem.kind === kind)).length;

/** How many cases had which fault at which moment; `3!1` where one of three failed. */
export function table(rows: readonly Row[]): string {
  const struck = rows.filter((row) => row.struck || row.problems.length);
  const line = (name: string, of: readonly Row[]) => [
    name,
    ...MOMENTS.map((moment) => {
      const here = of.filter((row) => row.moment === moment);
      return here.length === 0 ? "" : failed(here) ? `${here.length}!${failed(here)}` : `${here.length}`;
    }),
    `${of.length}`,
    ...KINDS.map((kind) => `${withKind(of, kind)}`),
  ];
  const lines = [
    ["fault", ...MOMENTS, "faults", ...KINDS],
    ...Object.keys(FAULTS)
      .map((fault) => struck.filter((row) => row.fault === fault))
      .flatMap((of) => (of.length ? [line(of[0]!.fault, of)] : [])),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((cells) => cells[i]!.length)));
  return lines
    .map((cells) =>
      cells.map((cell, i) => (i ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join("  "),
    )
    .join("\n");
}

/** The last line: `200 faults, 0 lost, 0 hung, 0 unexplained`. */
export function total(rows: readonly Row[]): string {
  const struck = rows.filter((row) => row.struck || row.problems.length);
  return [`${struck.length} faults`, ...KINDS.map((kind) => `${withKind(struck, kind)} ${kind}`)].join(", ");
}
