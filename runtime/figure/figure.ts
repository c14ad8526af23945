/**
 * @file Draws figures from Vega-Lite, without a browser. Vega and what makes pixels are loaded when the first figure is drawn: no
 * other command waits for them.
 */
import type { TopLevelSpec } from "vega-lite";
import { bridgeError } from "../bridge/bridge-error.js";
import { byDayAndNight, GRID, INK, MUTED, PAGE } from "./colours.js";

const FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, Noto Sans, Roboto, sans-serif";

/** How every figure looks; a figure's own `config` goes before it. */
const CONFIG = {
  background: PAGE,
  font: FONT,
  padding: 16,
  view: { stroke: null },
  title: {
    anchor: "start",
    frame: "group",
    color: INK,
    fontSize: 15,
    fontWeight: 600,
    subtitleColor: MUTED,
    subtitleFontSize: 12,
    subtitlePadding: 5,
    offset: 14,
  },
  axis: {
    domain: false,
    ticks: false,
    gridColor: GRID,
    labelColor: MUTED,
    labelFontSize: 11,
    labelPadding: 6,
    titleColor: INK,
    titleFontSize: 12,
    titleFontWeight: 400,
    titlePadding: 10,
    labelFlush: false,
  },
  axisY: { minExtent: 40 },
  legend: {
    labelColor: INK,
    labelFontSize: 12,
    labelLimit: 400,
    symbolStrokeWidth: 2,
    symbolSize: 500,
    symbolType: "stroke",
    title: null,
  },
  line: { strokeWidth: 1.8, strokeJoin: "round", strokeCap: "butt" },
} as const;

/** A part of a figure's description; Vega-Lite checks it as a whole. */
export type Spec = Readonly<Record<string, unknown>>;

/** The figure as SVG text in the colours of day. The same description gives the same text. */
export async function svgOf(spec: Spec): Promise<string> {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  // Its types do not know what it measures text with.
  (vega as unknown as { textMetrics: { width: typeof widthOf } }).textMetrics.width = widthOf;
  vega.resetSVGDefIds(); // they count on from figure to figure
  const { config, ...rest } = spec;
  const whole = { ...rest, config: { ...CONFIG, ...(config as object) } } as unknown as TopLevelSpec;
  const view = new vega.View(vega.parse(compile(whole).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** The figure for a page: it has the colours of whoever looks at it. */
export const pageSvg = async (spec: Spec): Promise<string> => `${byDayAndNight(await svgOf(spec))}\n`;

/** An SVG as a PNG, `scale` pixels for each of its own. Throws F2C6424 where the machine has no font to draw its text with. */
export async function pngOf(svg: string, { scale = 2, systemFonts = true } = {}): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const font = { loadSystemFonts: systemFonts };
  const letter = `<svg xmlns="http://www.w3.org/2000/svg"><text y="20" font-family="${FONT}">o</text></svg>`;
  if (!new Resvg(letter, { font }).getBBox()?.width)
    throw bridgeError("no-fonts", "user", { fonts: FONT.replace(", sans-serif", "") });
  return new Resvg(svg, { font, fitTo: { mode: "zoom", value: scale } }).render().asPng();
}

/** Shares of the font size, as in Helvetica. Vega without a canvas takes every letter for a wide one, and legends drift apart. */
const NARROW = new Set("ijlI.,:;|!'()[] -ftr");
const WIDE = new Set("mwMW@%");

function widthOf(item: { fontSize?: number }, text: unknown): number {
  let width = 0;
  for (const letter of String(text ?? "")) width += NARROW.has(letter) ? 0.36 : WIDE.has(letter) ? 0.9 : 0.62;
  return width * (item.fontSize ?? 11);
}
