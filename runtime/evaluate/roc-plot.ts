/** @file The ROC as an SVG: true accept rate over false accept rate, the latter logarithmic. */

export interface Curve {
  readonly label: string;
  readonly points: readonly { readonly far: number; readonly tar: number }[];
}

const [WIDTH, HEIGHT] = [640, 480];
const AREA = { left: 64, right: 24, top: 40, bottom: 56 };
const COLOURS = ["#1f5fbf", "#b35a00", "#5f6b76"];
const DASHES = ["", "6 4", "2 3"];

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Curves from `lowest` false accept rate to 1, as SVG text. */
export function rocSvg(
  curves: readonly Curve[],
  { title = "Verification of unseen people", lowest = 1e-3 } = {},
): string {
  const plotWidth = WIDTH - AREA.left - AREA.right;
  const plotHeight = HEIGHT - AREA.top - AREA.bottom;
  const decades = -Math.log10(lowest);
  const x = (far: number) => AREA.left + plotWidth * (1 + Math.log10(Math.max(far, lowest)) / decades);
  const y = (tar: number) => AREA.top + plotHeight * (1 - tar);
  const at = (n: number) => n.toFixed(1);
  const vertical = Array.from({ length: Math.round(decades) + 1 }, (_, i) => 10 ** -i).map(
    (far) =>
      `<line x1="${at(x(far))}" y1="${AREA.top}" x2="${at(x(far))}" y2="${AREA.top + plotHeight}" class="grid"/><text x="${at(x(far))}" y="${AREA.top + plotHeight + 20}" text-anchor="middle">${far}</text>`,
  );
  const horizontal = [0, 0.2, 0.4, 0.6, 0.8, 1].map(
    (tar) =>
      `<line x1="${AREA.left}" y1="${at(y(tar))}" x2="${AREA.left + plotWidth}" y2="${at(y(tar))}" class="grid"/><text x="${AREA.left - 8}" y="${at(y(tar) + 4)}" text-anchor="end">${tar}</text>`,
  );
  const lines = curves.map(({ points }, i) => {
    const visible = points.filter((p) => p.far >= lowest);
    const first = points.filter((p) => p.far < lowest).at(-1);
    const path = [...(first ? [{ far: lowest, tar: first.tar }] : []), ...visible].map(
      (p, k) => `${k ? "L" : "M"}${at(x(p.far))} ${at(y(p.tar))}`,
    );
    return `<path d="${path.join("")}" fill="none" stroke="${COLOURS[i % COLOURS.length]}" stroke-width="2" stroke-dasharray="${DASHES[i % DASHES.length]}"/>`;
  });
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
${lines.join("\n")}
<rect x="${AREA.left + plotWidth - 198}" y="${AREA.top + plotHeight - 16 - 20 * curves.length}" width="196" height="${20 * curves.length + 8}" fill="#ffffff" fill-opacity="0.85"/>
${legend.join("\n")}
<text x="${AREA.left + plotWidth / 2}" y="${HEIGHT - 14}" text-anchor="middle">false accept rate</text>
<text transform="translate(18 ${AREA.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">true accept rate</text>
</svg>
`;
}
