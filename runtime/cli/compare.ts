/** @file `f2c-dsl compare`: runs beside each other, as a table and as a figure. */
import { writeFileSync } from "node:fs";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { comparisonFigure } from "../compare/figure.js";
import { type Axis, readRuns } from "../compare/read.js";
import { comparisonTable } from "../compare/table.js";
import { atNight } from "../figure/colours.js";
import { pageSvg, pngOf, svgOf } from "../figure/figure.js";
import { fail } from "./report.js";

export interface CompareOptions {
  readonly out: string;
  readonly over: Axis;
  readonly dark?: boolean;
}

export async function compare(folders: readonly string[], options: CompareOptions): Promise<void> {
  try {
    const { out, over, dark = false } = options;
    if (!/\.(svg|png)$/.test(out)) throw experimentError("bad-command-line.picture", { path: out });
    const runs = readRuns(folders, over, (text) => process.stderr.write(`${text}\n`));
    process.stdout.write(comparisonTable(runs));
    const figure = comparisonFigure(runs, over);
    if (figure === undefined) {
      process.stdout.write("\nnone of them has a step to draw\n");
      return;
    }
    writeFileSync(out, await drawn(figure, out.endsWith(".png"), dark));
    process.stdout.write(`\n${out}\n`);
  } catch (error) {
    fail(error);
  }
}

/** A PNG has the colours of one ground; an SVG those of its reader's, or always those of a dark one. */
async function drawn(figure: Parameters<typeof svgOf>[0], png: boolean, dark: boolean) {
  if (!png && !dark) return pageSvg(figure);
  const svg = await svgOf(figure);
  const coloured = dark ? atNight(svg) : svg;
  return png ? pngOf(coloured) : coloured;
}
