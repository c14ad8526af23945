/** @file Boxes and routes as SVG. Its text runs in the page too. */
import { type Box, FRAME_HEAD, type Layout, ROW_HEIGHT, type Route, TITLE_HEIGHT } from "./layout.js";
import { type Graph, type GraphNode, isContainer } from "./model.js";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** Names come from users: all text passes here on its way into markup. What XML forbids becomes U+FFFD. */
export const escapeText = (text: string): string =>
  text
    .replaceAll(/[&<>"']/g, (c) => ENTITIES[c]!)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");

const fixed = (n: number) => String(Math.round(n * 10) / 10);

export function pathOf(points: Route["points"]): string {
  let d = "";
  points.forEach(([x, y], i) => {
    const before = points[i - 1];
    if (!before) d += `M${fixed(x)} ${fixed(y)}`;
    else if (Math.abs(before[0] - x) < 0.5) d += y > before[1] ? `L${fixed(x)} ${fixed(y)}` : "";
    else {
      const middle = fixed((before[1] + y) / 2);
      d += `C${fixed(before[0])} ${middle} ${fixed(x)} ${middle} ${fixed(x)} ${fixed(y)}`;
    }
  });
  return d;
}

const toggle = (node: number, open: boolean, x: number) =>
  `<g class="toggle" data-toggle="${node}" transform="translate(${fixed(x)} 13)"><circle r="8"/><path d="M-4 0H4${open ? "" : "M0-4V4"}"/></g>`;

function drawFrame(node: GraphNode, box: Box): string {
  return `<g class="frame tone-${node.tone}" data-node="${box.node}" transform="translate(${fixed(box.x)} ${fixed(box.y)})"><title>${escapeText(node.about)}</title><rect width="${fixed(box.width)}" height="${fixed(box.height)}" rx="10"/></g>`;
}

/** Over the edges, which may pass below it. */
function drawFrameHead(node: GraphNode, box: Box): string {
  return `<g class="head tone-${node.tone}" data-node="${box.node}" transform="translate(${fixed(box.x)} ${fixed(box.y + (FRAME_HEAD - 26) / 2)})">${toggle(box.node, true, 16)}<text x="31" y="17.5">${escapeText(node.title)}</text></g>`;
}

function drawBox(node: GraphNode, box: Box): string {
  const [w, h] = [box.width, box.height];
  const bar = node.rows.length
    ? `M0 ${TITLE_HEIGHT}V6a6 6 0 0 1 6-6H${fixed(w - 6)}a6 6 0 0 1 6 6V${TITLE_HEIGHT}Z`
    : `M6 0H${fixed(w - 6)}a6 6 0 0 1 6 6V${h - 6}a6 6 0 0 1-6 6H6a6 6 0 0 1-6-6V6a6 6 0 0 1 6-6Z`;
  const rows = node.rows.map((row, i) => {
    const op = row.op >= 0 ? ` data-op="${row.op}"` : "";
    const name = row.op >= 0 ? "row" : "row about";
    return `<text class="${name}"${op} x="10" y="${TITLE_HEIGHT + 15 + i * ROW_HEIGHT}">${escapeText(row.text)}<title>${escapeText(row.title)}</title></text>`;
  });
  const closed = isContainer(node);
  const spots = node.effects.map(
    (tone, i) =>
      `<circle class="spot tone-${tone}" cx="${fixed(w - 13 - i * 13)}" cy="13" r="5"><title>${tone} inside</title></circle>`,
  );
  const behind = closed ? `<rect class="behind" x="4" y="4" width="${w}" height="${h}" rx="6"/>` : "";
  return `<g class="box ${node.kind} tone-${node.tone}" data-node="${box.node}" transform="translate(${fixed(box.x)} ${fixed(box.y)})">${node.about ? `<title>${escapeText(node.about)}</title>` : ""}${behind}<rect class="card" width="${w}" height="${h}" rx="6"/><path class="bar" d="${bar}"/>${closed ? toggle(box.node, false, 16) : ""}<text class="title" x="${closed ? 31 : 11}" y="17.5">${escapeText(node.title)}</text>${spots.join("")}${rows.join("")}</g>`;
}

/** The drawing as the inside of an `svg` element. */
export function draw(graph: Graph, layout: Layout): string {
  const framed = layout.boxes.filter((box) => box.frame);
  const edges = layout.routes.map((route) => {
    const arrow = route.to >= 0 ? ' marker-end="url(#arrow)"' : "";
    const kind = route.types.length ? "edge" : "edge order";
    const meaning = route.types.join(", ") || "sees what was written";
    return `<path class="${kind}" data-source="${route.source}" data-to="${route.to}" d="${pathOf(route.points)}"${arrow}><title>${escapeText(meaning)}</title></path>`;
  });
  return [
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class="arrow" d="M0 0.8L8 4L0 7.2Z"/></marker></defs>',
    ...framed.map((box) => drawFrame(graph.nodes[box.node]!, box)),
    ...edges,
    ...framed.map((box) => drawFrameHead(graph.nodes[box.node]!, box)),
    ...layout.boxes.filter((box) => !box.frame).map((box) => drawBox(graph.nodes[box.node]!, box)),
    ...layout.labels.map(
      (l) =>
        `<g class="label" data-source="${l.source}" transform="translate(${fixed(l.x)} ${fixed(l.y)})"><rect x="${fixed(-l.width / 2)}" y="-7" width="${fixed(l.width)}" height="14" rx="4"/><text y="3.6">${escapeText(l.text)}</text></g>`,
    ),
  ].join("");
}
