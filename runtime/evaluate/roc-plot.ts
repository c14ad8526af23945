/**
 * @file The ROC as an SVG: true accept rate over false accept rate, the latter logarithmic. Where the rate is finer than one
 * impostor pair nothing is drawn, and the plot says so.
 */
import type { Rates } from "./verification.js";

export interface Curve extends Rates {
  readonly label: string;
}

const [WIDTH, HEIGHT] = [640, 480];
const AREA = { left: 64, right: 24, top: 40, bottom: 56 };
const COLOURS = ["#1f5fbf", "#b35a00", "#5f6b76"];
const DASHES = ["", "6 4", "2 3"];

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Curves of the same pairs, down to the lowest false accept rate that was asked for, as SVG text. */
export function rocSvg(
  curves: readonly Curve[],
  { title = "Verification of unseen people" }: { title?: string } = {},
): string {
  const fars = [...new Set(curves.flatMap((c) => c.fars))].filter((far) => far > 0 && far < 1);
  const lowest = 10 ** Math.floor(Math.log10(Math.min(1e-3, ...fars)) + 1e-9);
  const impostor = Math.max(1, ...curves.map((c) => c.impostor));
  /** The smallest rate that can be told. */
  const told = Math.min(1, Math.max(lowest, 1 / impostor));
  const plotWidth = WIDTH - AREA.left - AREA.right;
  const plotHeight = HEIGHT - AREA.top - AREA.bottom;
  const decades = -Math.log10(lowest);
  const x = (far: number) => AREA.left + plotWidth * (1 + Math.log10(Math.max(far, lowest)) / decades);
  const y = (tar: number) => AREA.top + plotHeight * (1 - tar);
  const at = (n: number) => n.toFixed(1);
  const vertical = Array.from({ length: Math.round(decades) + 1 }, (_, i) => Number(`1e-${i}`)).map(
    (far) =>
      `<line x1="${at(x(far))}" y1="${AREA.top}" x2="${at(x(far))}" y2="${AREA.top + plotHeight}" class="grid"/><text x="${at(x(far))}" y="${AREA.top + plotHeight + 20}" text-anchor="middle">${far}</text>`,
  );
  const horizontal = [0, 0.2, 0.4, 0.6, 0.8, 1].map(
    (tar) =>
      `<line x1="${AREA.left}" y1="${at(y(tar))}" x2="${AREA.left + plotWidth}" y2="${at(y(tar))}" class="grid"/><text x="${AREA.left - 8}" y="${at(y(tar) + 4)}" text-anchor="end">${tar}</text>`,
  );
  const lines = curves.map(({ points }, i) => {
    const visible = points.filter((p) => p.far >= told);
    const first = points.filter((p) => p.far < told).at(-1);
    const path = [...(first ? [{ far: told, tar: first.tar }] : []), ...visible].map(
      (p, k) => `${k ? "L" : "M"}${at(x(p.far))} ${at(y(p.tar))}`,
    );
    return `<path d="${path.join("")}" fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2" stroke-dasharray="${DASHES[i % DASHES.length]}"/>`;
  });
  const silent = told > lowest ? untold(fars, impostor, x(told)) : "";
  const legend = curves.map(({ label }, i) => {
    const top = AREA.top + plotHeight - 16 - 20 * (curves.length - 1 - i);
    const left = AREA.left + plotWidth - 190;
    return `<line x1="${left}" y1="${top}" x2="${left + 28}" y2="${top}" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2" stroke-dasharray="${DASHES[i % DASHES.length]}"/><text x="${left + 36}" y="${top + 4}">${escaped(label)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}">
<style>text{font:13px system-ui,sans-serif;fill:#30363c}.grid{stroke:#dfe3e8}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${AREA.left}" y="24" style="font-size:15px;font-weight:600">${escaped(title)}</text>
${vertical.join("\n")}
${horizontal.join("\n")}
${silent}
${lines.join("\n")}
<rect x="${AREA.left + plotWidth - 198}" y="${AREA.top + plotHeight - 16 - 20 * curves.length}" width="196" height="${20 * curves.length + 8}" fill="#ffffff" fill-opacity="0.85"/>
${legend.join("\n")}
<text x="${AREA.left + plotWidth / 2}" y="${HEIGHT - 14}" text-anchor="middle">false accept rate</text>
<text transform="translate(18 ${AREA.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">true accept rate</text>
</svg>
`;
}

/** The part of the plot from its left edge to `right`, in which no rate can be told, and which of those asked for lie there. */
function untold(fars: readonly number[], impostor: number, right: number): string {
  const asked = fars.filter((far) => far < (1 - 1e-9) / impostor).sort((a, b) => b - a);
  const text = `${asked.length > 0 ? `FAR ${asked.join(", ")}: ` : ""}too few impostor pairs (${impostor})`;
  const height = HEIGHT - AREA.top - AREA.bottom;
  const middle = (AREA.left + right) / 2;
  return `<rect x="${AREA.left}" y="${AREA.top}" width="${(right - AREA.left).toFixed(1)}" height="${height}" fill="#eef0f2"/>
<text transform="translate(${(middle + 4).toFixed(1)} ${AREA.top + height / 2}) rotate(-90)" text-anchor="middle">${text}</text>`;
}
