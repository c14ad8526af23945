/** @file The curves of runs over each other: loss, learning rate, and what was measured on the way. */

import type { Figure } from "../../dsl/index.js";
import { lineColours, lineDashes } from "../figure/colours.js";
import type { Spec } from "../figure/figure.js";
import type { Axis, ComparedRun } from "./read.js";

const WIDTH = 640;

/** What is drawn of runs, as a description for Vega-Lite; undefined where there is nothing to draw. */
export function comparisonFigure(runs: readonly ComparedRun[], axis: Axis): Spec | undefined {
  const drawn = [lossPanel(runs), lrPanel(runs), ...evaluationPanels(runs)].filter(
    (panel) => panel !== undefined,
  );
  if (drawn.length === 0) return undefined;
  const last = drawn.length - 1;
  return {
    title: { text: titleOf(drawn.map(({ what }) => what)), subtitle: subtitleOf(runs) },
    vconcat: drawn.map(({ height, layer }, i) => ({
      width: WIDTH,
      height,
      layer: i === 0 ? [...layer, legend(runs.map(({ label }) => label))] : layer,
      encoding: {
        x: {
          field: "x",
          type: "quantitative",
          scale: { nice: false, zero: true },
          axis: { title: i === last ? axis : null, labels: i === last, tickCount: 8 },
        },
      },
    })),
    resolve: { scale: { x: "shared" } },
    spacing: 18,
  };
}

interface Panel {
  /** In the figure's title. */
  readonly what: string;
  readonly height: number;
  readonly layer: readonly Spec[];
}

/** Draws nothing: it says which line is whose. */
function legend(names: readonly string[]): Spec {
  const longest = Math.max(...names.map((name) => name.length));
  const columns = Math.max(1, Math.min(names.length, Math.floor(WIDTH / (7 * longest + 60))));
  const shown = { orient: "top", columns, columnPadding: 24, offset: 8 };
  const by = (range: readonly unknown[]) => ({
    field: "run",
    type: "nominal",
    scale: { domain: names, range },
    legend: shown,
  });
  return {
    data: { values: [] },
    mark: "line",
    encoding: { color: by(lineColours(names.length)), strokeDash: by(lineDashes(names.length)) },
  };
}

/** A line a run, by its colour, and by dashes where there are more runs than colours. `more`: of the mark of the i-th. */
function lines(
  runs: readonly ComparedRun[],
  pointsOf: (run: ComparedRun) => readonly object[],
  y: Spec,
  more: (run: number) => Spec = () => ({}),
): readonly Spec[] {
  const [colours, dashes] = [lineColours(runs.length), lineDashes(runs.length)];
  return runs.map((run, i) => ({
    data: { values: pointsOf(run) },
    mark: { type: "line", color: colours[i], strokeDash: dashes[i], ...more(i) },
    encoding: { y },
  }));
}

function titleOf(parts: readonly string[]): string {
  const text = parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0]!;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function subtitleOf(runs: readonly ComparedRun[]): string {
  const each = Math.max(...runs.map(({ loss }) => loss.each));
  const mean = each > 1 ? `; lines: means of up to ${each} steps, shaded: their range` : "";
  return `${runs.length === 1 ? "one run" : `${runs.length} runs`}${mean}`;
}

const vertical = (title: string, more: Spec = {}): Spec => ({
  field: "y",
  type: "quantitative",
  title,
  scale: { zero: false, padding: 6 },
  ...more,
});

function lossPanel(runs: readonly ComparedRun[]): Panel | undefined {
  if (runs.every(({ loss }) => loss.points.length === 0)) return undefined;
  const colours = lineColours(runs.length);
  const ranges = runs.map(({ loss }, i) => ({
    data: { values: loss.points },
    mark: { type: "area", color: colours[i], opacity: 0.16 },
    encoding: { y: vertical("loss", { field: "low" }), y2: { field: "high" } },
  }));
  return {
    what: "loss",
    height: 230,
    layer: [...ranges, ...lines(runs, ({ loss }) => loss.points, vertical("loss"))],
  };
}

/** Runs often share a schedule: the first one's line is the widest, so that none hides another. */
function lrPanel(runs: readonly ComparedRun[]): Panel | undefined {
  if (runs.every(({ lr }) => lr.points.length === 0)) return undefined;
  const y = vertical("learning rate", { scale: { zero: true }, axis: { format: "~g", tickCount: 3 } });
  const wider = 2.8 / Math.max(1, runs.length - 1);
  return {
    what: "learning rate",
    height: 90,
    layer: lines(
      runs,
      ({ lr }) => lr.points,
      y,
      (i) => ({ strokeWidth: 1.4 + wider * (runs.length - 1 - i) }),
    ),
  };
}

/** A panel for each thing that measures: the first of its numbers. */
function evaluationPanels(runs: readonly ComparedRun[]): readonly Panel[] {
  const measuring = runs.flatMap(({ evaluations }) => evaluations.flatMap(({ results }) => [...results]));
  return [...new Map(measuring)].map(([name, figures]) => {
    const [[first, { as }]] = [...figures] as [[string, Figure]];
    const what = `${name} ${first}`;
    const pointsOf = ({ evaluations }: ComparedRun) =>
      evaluations.flatMap(({ x, results }) => {
        const figure = results.get(name)?.get(first);
        return figure ? [{ x, y: figure.value! }] : [];
      });
    const colours = lineColours(runs.length);
    return {
      what,
      height: 150,
      layer: lines(
        runs,
        pointsOf,
        vertical(what, { axis: { format: as === "percent" ? "~%" : "~g", tickCount: 6 } }),
        (i) => ({
          point: { size: 26, color: colours[i] },
        }),
      ),
    };
  });
}
