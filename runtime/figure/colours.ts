/**
 * @file The colours of figures, by day and by night. What tells lines apart is the palette of Okabe and Ito, whose colours colour-blind
 * people tell apart too, and a dash pattern for print without colours.
 */

/** A colour on white paper, and the one that stands for it on a dark ground. */
interface Colour {
  readonly light: string;
  readonly dark: string;
}

const COLOURS = {
  page: { light: "#ffffff", dark: "#0d1117" },
  ink: { light: "#1f2328", dark: "#e6edf3" },
  muted: { light: "#59636e", dark: "#9198a1" },
  grid: { light: "#e4e8ec", dark: "#262c34" },
  /** Where nothing can be told. */
  silent: { light: "#f1f3f5", dark: "#1a2027" },
} as const satisfies Readonly<Record<string, Colour>>;

const LINES: readonly Colour[] = [
  { light: "#0072b2", dark: "#56b4f0" },
  { light: "#d55e00", dark: "#ff9248" },
  { light: "#009e73", dark: "#3fd6a5" },
  { light: "#b0568f", dark: "#ef9fcf" },
  { light: "#8a6d00", dark: "#e6c229" },
  { light: "#4a4fb5", dark: "#a5a9ff" },
];

export const PAGE = COLOURS.page.light;
export const INK = COLOURS.ink.light;
export const MUTED = COLOURS.muted.light;
export const GRID = COLOURS.grid.light;
export const SILENT = COLOURS.silent.light;

/** Lines are drawn whole as long as there are colours, then dashed. */
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

/** The colours of so many lines. */
export const lineColours = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => LINES[i % LINES.length]!.light);

/** Their dash patterns: every line has another one where `always`, otherwise those that share a colour have. */
export const lineDashes = (count: number, always = false): number[][] =>
  Array.from({ length: count }, (_, i) => [
    ...DASHES[(always ? i : Math.floor(i / LINES.length)) % DASHES.length]!,
  ]);

const PAIRS: readonly Colour[] = [...Object.values(COLOURS), ...LINES];

/** A figure that was drawn in the colours of day, for a dark ground. */
export const atNight = (svg: string): string =>
  svg.replaceAll(/"(#[0-9a-f]{6})"/g, (text, colour) => {
    const pair = PAIRS.find(({ light }) => light === colour);
    return pair ? `"${pair.dark}"` : text;
  });

/** A figure that looks as its reader does: what knows no style sheets shows the colours of day. */
export function byDayAndNight(svg: string): string {
  const rules = PAIRS.flatMap(({ light, dark }) =>
    ["fill", "stroke"]
      .filter((attribute) => svg.includes(`${attribute}="${light}"`))
      .map((attribute) => `[${attribute}="${light}"]{${attribute}:${dark}}`),
  );
  return svg.replace(/>/, `><style>@media(prefers-color-scheme:dark){${rules.join("")}}</style>`);
}
