/**
 * @file Curves of one kind as an SVG, over each other. Axes are linear or logarithmic; where what was measured cannot tell
 * anything, nothing is drawn, and the plot says so.
 */
import type { Axis, Curve } from "../../dsl/index.js";

/** A curve, and whose it is. */
export interface Line {
  readonly label: string;
  readonly curve: Curve;
}

const [WIDTH, HEIGHT] = [640, 480];
const AREA = { left: 64, right: 24, top: 40, bottom: 56 };
const [ACROSS, DOWN] = [WIDTH - AREA.left - AREA.right, HEIGHT - AREA.top - AREA.bottom];
const COLOURS = ["#1f5fbf", "#b35a00", "#5f6b76"];
const DASHES = ["", "6 4", "2 3"];
const LEGEND_WIDTH = 196;

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const at = (n: number) => n.toFixed(1);

/** Curves of the same measurement of several nets, as SVG text. Title and axes are the first one's; the axes reach as far as any goes. */
export function curvesSvg(lines: readonly Line[]): string {
  const curves = lines.map(({ curve }) => curve);
  const [x, y] = [scaleOf(curves.map((c) => c.x)), scaleOf(curves.map((c) => c.y))];
  const untold = curves[0]!.untold;
  /** The smallest x that can be told. */
  const told = Math.min(
    x.axis.to,
    ...curves.map((c) => Math.max(x.axis.from, c.untold?.below ?? x.axis.from)),
  );
  const left = (value: number) => AREA.left + ACROSS * x.share(value);
  const top = (value: number) => AREA.top + DOWN * (1 - y.share(value));
  const title = escaped(curves[0]!.title);
  const vertical = x.ticks.map(
    (tick) =>
      `<line x1="${at(left(tick))}" y1="${AREA.top}" x2="${at(left(tick))}" y2="${AREA.top + DOWN}" class="grid"/><text x="${at(left(tick))}" y="${AREA.top + DOWN + 20}" text-anchor="middle">${tick}</text>`,
  );
  const horizontal = y.ticks.map(
    (tick) =>
      `<line x1="${AREA.left}" y1="${at(top(tick))}" x2="${AREA.left + ACROSS}" y2="${at(top(tick))}" class="grid"/><text x="${AREA.left - 8}" y="${at(top(tick) + 4)}" text-anchor="end">${tick}</text>`,
  );
  const paths = curves.map(({ points }, i) => {
    const visible = points.filter(([value]) => value >= told);
    const first = points.filter(([value]) => value < told).at(-1);
    const path = [...(first ? [[told, first[1]] as const] : []), ...visible].map(
      ([px, py], k) => `${k ? "L" : "M"}${at(left(px))} ${at(top(py))}`,
    );
    return `<path d="${path.join("")}" ${stroke(i)}/>`;
  });
  // A curve that falls leaves room above its end, one that rises below.
  const ends = curves.map(({ points }) => points.at(-1)![1] - points[0]![1]);
  const below = ends.every((rise) => rise >= 0);
  const height = 20 * lines.length + 8;
  const corner = {
    left: AREA.left + ACROSS - LEGEND_WIDTH - 2,
    top: below ? AREA.top + DOWN - 8 - height : AREA.top + 8,
  };
  const legend = lines.map(({ label }, i) => {
    const [row, from] = [corner.top + 24 + 20 * i, corner.left + 8];
    return `<line x1="${from}" y1="${row - 4}" x2="${from + 28}" y2="${row - 4}" ${stroke(i)}/><text x="${from + 36}" y="${row}">${escaped(label)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${title}">
<style>text{font:13px system-ui,sans-serif;fill:#30363c}.grid{stroke:#dfe3e8}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${AREA.left}" y="24" style="font-size:15px;font-weight:600">${title}</text>
${vertical.join("\n")}
${horizontal.join("\n")}
${untold && told > x.axis.from ? silence(untold.says, left(told)) : ""}
${paths.join("\n")}
<rect x="${corner.left}" y="${corner.top}" width="${LEGEND_WIDTH}" height="${height}" fill="#ffffff" fill-opacity="0.85"/>
${legend.join("\n")}
<text x="${AREA.left + ACROSS / 2}" y="${HEIGHT - 14}" text-anchor="middle">${escaped(curves[0]!.x.label)}</text>
<text transform="translate(18 ${AREA.top + DOWN / 2}) rotate(-90)" text-anchor="middle">${escaped(curves[0]!.y.label)}</text>
</svg>
`;
}

const stroke = (line: number) =>
  `fill="none" stroke="${COLOURS[line % COLOURS.length]}" stroke-width="2" stroke-dasharray="${DASHES[line % DASHES.length]}"`;

interface Scale {
  readonly axis: Axis;
  readonly ticks: readonly number[];
  /** How far along the axis a value lies, from 0 to 1. */
  share(value: number): number;
}

function scaleOf(axes: readonly Axis[]): Scale {
  const from = Math.min(...axes.map((a) => a.from));
  const to = Math.max(...axes.map((a) => a.to));
  const axis = { ...axes[0]!, from, to };
  if (axis.scale === "linear") {
    const step = stepOf(to - from);
    const ticks: number[] = [];
    for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9; k++)
      ticks.push(Number((k * step).toPrecision(6)));
    return { axis, ticks, share: (value) => (value - from) / (to - from) };
  }
  const [low, high] = [Math.round(Math.log10(from)), Math.round(Math.log10(to))];
  return {
    axis,
    ticks: Array.from({ length: high - low + 1 }, (_, i) => Number(`1e${high - i}`)),
    share: (value) => (Math.log10(Math.max(value, from)) - low) / (high - low),
  };
}

/** 1, 2 or 5 times a power of ten, of which four to ten fit into `width`. */
function stepOf(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  return [0.1, 0.2, 0.5].map((part) => part * power).find((step) => width / step <= 8) ?? power;
}

/** The part of the plot from its left edge to `right`, in which nothing can be told. */
function silence(says: string, right: number): string {
  const middle = (AREA.left + right) / 2;
  return `<rect x="${AREA.left}" y="${AREA.top}" width="${at(right - AREA.left)}" height="${DOWN}" fill="#eef0f2"/>
<text transform="translate(${at(middle + 4)} ${AREA.top + DOWN / 2}) rotate(-90)" text-anchor="middle">${escaped(says)}</text>`;
}
