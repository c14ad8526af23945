/** @file What evaluations of a net found, as a table for people, JSON and CSV for programs, and figures. */
import { join } from "node:path";
import type { Result } from "../../dsl/index.js";
import { curvesSvg, figuresOf } from "../evaluate/curve-plot.js";
import { makeFolder, writeWhole } from "../run/files.js";
import { headline, rowsOf } from "../run/measured.js";

/** What was found by one protocol. */
export interface Score {
  readonly name: string;
  readonly kind: string;
  /** What was compared, in words. */
  readonly compares: string;
  readonly result: Result;
}

export interface Scores {
  readonly net: string;
  /** What the net is, and how its images were made ready. */
  readonly says: readonly string[];
  readonly scores: readonly Score[];
}

/** As a person reads it. */
export function scoresTable({ says, scores }: Scores): string {
  const rows = scores.flatMap(({ name, result }) => rowsOf(name, result));
  const width = Math.max(16, ...rows.map(([name]) => name.length)) + 2;
  return `${[...says, ...rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`)].join("\n")}\n`;
}

/** All that was found: numbers with their notes, and the points of every curve. */
export const scoresJson = ({ net, says, scores }: Scores): string =>
  `${JSON.stringify(
    {
      net,
      says,
      evaluations: Object.fromEntries(scores.map(({ name, result, ...of }) => [name, { ...of, ...result }])),
    },
    undefined,
    2,
  )}\n`;

const COLUMNS = ["net", "evaluation", "number", "value", "std", "better", "note"] as const;

/** A line a number, also of those that the table leaves out; an empty value where there is none. RFC 4180, with line feeds. */
export function scoresCsv({ net, scores }: Scores): string {
  const lines = scores.flatMap(({ name, result }) =>
    Object.entries(result.numbers).map(([number, { value, std, better = "higher", note }]) =>
      [net, name, number, value ?? "", std ?? "", better, note ?? ""].map(field).join(","),
    ),
  );
  return `${[COLUMNS.join(","), ...lines].join("\n")}\n`;
}

const field = (value: string | number): string =>
  /[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);

/** Draws the curves of each evaluation as SVG; returns the files' names. */
export async function drawScores({ net, scores }: Scores, folder: string): Promise<readonly string[]> {
  makeFolder(folder);
  const written: string[] = [];
  for (const { name, result } of scores) {
    const about = [net, `${name}: ${headline(result).name} ${headline(result).text}`];
    for (const [figure, lines] of figuresOf([{ label: net, curves: result.curves }])) {
      const file = join(folder, `${name}-${figure}.svg`);
      writeWhole(file, await curvesSvg(lines, about));
      written.push(file);
    }
  }
  return written;
}
