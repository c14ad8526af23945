/**
 * @file Curves of one kind over each other, as a figure. Axes are linear or logarithmic; where what was measured cannot tell
 * anything, nothing is drawn, and the figure says so.
 */
import type { Axis, Curve, Result } from "../../dsl/index.js";
import { lineColours, lineDashes, MUTED, PAGE, SILENT } from "../figure/colours.js";
import { pageSvg, type Spec } from "../figure/figure.js";

/** A curve, and whose it is. */
export interface Line {
  readonly label: string;
  readonly curve: Curve;
}

/** The lines of each figure, by its name. Curves that share one are called by the subject and their own names. */
export function figuresOf(
  measured: readonly { readonly label: string; readonly curves: Result["curves"] }[],
): ReadonlyMap<string, readonly Line[]> {
  const figures = new Map<string, Line[]>();
  for (const { label, curves } of measured)
    for (const [name, curve] of Object.entries(curves)) {
      const figure = curve.figure ?? name;
      const line = { label: curve.figure === undefined ? label : `${label}, ${name}`, curve };
      figures.set(figure, [...(figures.get(figure) ?? []), line]);
    }
  return figures;
}

const [WIDTH, HEIGHT] = [560, 380];

/** The figure as an SVG that has the colours of its reader. `about`: lines below its title. */
export const curvesSvg = (lines: readonly Line[], about: readonly string[] = []): Promise<string> =>
  pageSvg(curvesFigure(lines, about));

/** Curves of the same measurement of several nets. Title and axes are the first one's; the axes reach as far as any goes. */
export function curvesFigure(lines: readonly Line[], about: readonly string[] = []): Spec {
  const curves = lines.map(({ curve }) => curve);
  const { title, untold } = curves[0]!;
  const [x, y] = [widest(curves.map((c) => c.x)), widest(curves.map((c) => c.y))];
  /** The smallest x that can be told. */
  const told = Math.min(x.to, ...curves.map((c) => Math.max(x.from, c.untold?.below ?? x.from)));
  const names = lines.map(({ label }) => label);
  return {
    title: { text: title, ...(about.length > 0 && { subtitle: about }) },
    width: WIDTH,
    height: HEIGHT,
    layer: [
      ...(untold && told > x.from ? silence(untold.says, x, y, told) : []),
      {
        data: {
          values: lines.flatMap(({ label, curve }) => visible(curve, told).map((p) => ({ ...p, label }))),
        },
        mark: { type: "line", strokeWidth: 2 },
        encoding: {
          x: { field: "x", ...channel(x) },
          y: { field: "y", ...channel(y) },
          color: whose(names, lineColours(names.length), curves),
          strokeDash: whose(names, lineDashes(names.length, true), curves),
        },
      },
    ],
  };
}

/** What can be told of a curve. It begins where that begins, at the height that it has reached before. */
function visible({ points }: Curve, told: number): readonly { x: number; y: number }[] {
  const before = points.filter(([x]) => x < told).at(-1);
  const rest = points.filter(([x]) => x >= told);
  return [...(before ? [[told, before[1]] as const] : []), ...rest].map(([x, y]) => ({ x, y }));
}

function widest(axes: readonly Axis[]): Axis {
  const [from, to] = [Math.min(...axes.map((a) => a.from)), Math.max(...axes.map((a) => a.to))];
  return { ...axes[0]!, from, to };
}

function channel({ label, scale, from, to }: Axis): Spec {
  const ticks =
    scale === "log" ? { values: decades(from, to) } : { tickCount: 8, tickMinStep: (to - from) / 20 };
  return {
    type: "quantitative",
    title: label,
    scale: { type: scale, domain: [from, to], nice: false, ...(scale === "linear" && { zero: false }) },
    axis: { format: "~r", ...ticks },
  };
}

const decades = (from: number, to: number) => {
  const [low, high] = [Math.round(Math.log10(from)), Math.round(Math.log10(to))];
  return Array.from({ length: high - low + 1 }, (_, i) => Number(`1e${low + i}`));
};

/** Tells lines apart. Curves that fall leave room for the names above their ends, those that rise below; names of those with a peak stand below the figure. */
function whose(names: readonly string[], range: readonly unknown[], curves: readonly Curve[]): Spec {
  const rising = curves.every(({ points }) => points.at(-1)![1] >= points[0]![1]);
  return {
    field: "label",
    type: "nominal",
    scale: { domain: names, range },
    legend: curves.some(hasPeak)
      ? { orient: "bottom", columns: 2, labelLimit: 260 }
      : { orient: rising ? "bottom-right" : "top-right", fillColor: PAGE, padding: 8, offset: 6 },
  };
}

/** Whether a curve lies higher between its ends than at both. */
function hasPeak({ points }: Curve): boolean {
  const ends = Math.max(points[0]![1], points.at(-1)![1]);
  return points.some(([, y]) => y > ends);
}

/** The part of the figure from its left edge to `told`, in which nothing can be told. */
function silence(says: string, x: Axis, y: Axis, told: number): readonly Spec[] {
  const middle = x.scale === "log" ? Math.sqrt(x.from * told) : (x.from + told) / 2;
  return [
    {
      data: { values: [{ from: x.from, to: told }] },
      mark: { type: "rect", color: SILENT },
      encoding: { x: { field: "from", ...channel(x) }, x2: { field: "to" } },
    },
    {
      data: { values: [{ x: middle, y: (y.from + y.to) / 2 }] },
      mark: { type: "text", text: says, angle: 270, color: MUTED, fontSize: 12 },
      encoding: { x: { field: "x", ...channel(x) }, y: { field: "y", ...channel(y) } },
    },
  ];
}
