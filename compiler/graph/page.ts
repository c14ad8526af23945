/**
 * @file The page that shows a module's graphs: drawing, details and search as pure functions from data to markup, and
 * the few lines that tie them to a document. Like `layout.ts`, its text runs in the page.
 */
import {
  type Box,
  countBoxes,
  FRAME_HEAD,
  type Graph,
  type GraphNode,
  isContainer,
  type Layout,
  layoutOf,
  ROW_HEIGHT,
  type Route,
  shownBy,
  TITLE_HEIGHT,
} from "./layout.js";

export interface GraphOp {
  readonly op: string;
  /** As `f2c-dsl ir` prints it. */
  readonly text: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly operands: readonly GraphValue[];
  readonly results: readonly GraphValue[];
  /** Row of the table of locations. */
  readonly location: number;
  /** The box that shows it, -1 where none does. */
  readonly node: number;
}

export interface GraphValue {
  /** What the operand is to the op: `weight`; empty for results. */
  readonly role: string;
  readonly name: string;
  readonly type: string;
  /** The op that it comes from, -1 for inputs. */
  readonly op: number;
}

export interface GraphFunction extends Graph {
  readonly name: string;
  readonly results: readonly (readonly [name: string, type: string])[];
  /** Every op, in program order. */
  readonly ops: readonly GraphOp[];
  /** The containers that are open at first. */
  readonly view: readonly number[];
}

export interface GraphData {
  readonly name: string;
  readonly sources: readonly { readonly path: string; readonly text: string }[];
  /** Source, start, end, and the row of the call site or -1. */
  readonly locations: readonly (readonly [source: number, start: number, end: number, parent: number])[];
  /** Rows of places where the work of a row is also written. */
  readonly fused: Readonly<Record<number, readonly number[]>>;
  readonly vocabulary: Readonly<Record<string, { readonly doc: string; readonly effect: string }>>;
  readonly functions: readonly GraphFunction[];
}

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

export interface Excerpt {
  /** Line of the start, from 1. */
  readonly line: number;
  readonly lines: readonly {
    readonly number: number;
    readonly before: string;
    readonly marked: string;
    readonly after: string;
  }[];
}

/** The lines from start to end, with some around; what lies between the two offsets is marked. */
export function excerptOf(text: string, start: number, end: number, around = 2): Excerpt {
  const lines = text.split("\n");
  let offset = 0;
  const all = lines.map((content, i) => {
    const from = Math.min(Math.max(start - offset, 0), content.length);
    const to = Math.min(Math.max(end - offset, from), content.length);
    const touched = offset <= end && offset + content.length >= start;
    offset += content.length + 1;
    const [before, marked, after] = [content.slice(0, from), content.slice(from, to), content.slice(to)];
    return { number: i + 1, before, marked, after, touched };
  });
  const first = all.findIndex((l) => l.touched);
  const last = all.findLastIndex((l) => l.touched);
  const shown = first < 0 ? [] : all.slice(Math.max(0, first - around), last + around + 1);
  return { line: first + 1, lines: shown.map(({ touched: _touched, ...line }) => line) };
}

/** Without the white space that all lines begin with. */
function dedented(lines: Excerpt["lines"]): Excerpt["lines"] {
  const indents = lines.map((l) => /^\s*/.exec(l.before + l.marked + l.after)![0].length);
  const written = lines.map((l) => (l.before + l.marked + l.after).trim() !== "");
  const indent = Math.min(...indents.filter((_, i) => written[i]));
  return lines.map((l) => ({
    ...l,
    before: l.before.slice(indent),
    marked: l.marked.slice(Math.max(0, indent - l.before.length)),
    after: l.after.slice(Math.max(0, indent - l.before.length - l.marked.length)),
  }));
}

const section = (title: string, body: string) =>
  body === "" ? "" : `<section><h3>${escapeText(title)}</h3>${body}</section>`;
const table = (rows: readonly (readonly string[])[]) =>
  rows.length
    ? `<table>${rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("")}</table>`
    : "";
const link = (op: number, text: string) =>
  op < 0 ? escapeText(text) : `<a href="#" data-op="${op}">${escapeText(text)}</a>`;

/** Where an op comes from; where else what it computes is written. */
export const placesOf = (data: GraphData, location: number): string =>
  [location, ...(data.fused[location] ?? [])]
    .map((row) => placeOf(data, row))
    .join('<p class="from">and for what is written here too</p>');

/** A place, then each call that was inlined to get there. */
function placeOf(data: GraphData, location: number): string {
  let html = "";
  for (let at = data.locations[location]; at; at = data.locations[at[3]]) {
    const [index, start, end] = at;
    const source = data.sources[index];
    const excerpt = source && excerptOf(source.text, start, end);
    const place = source
      ? `${source.path}:${excerpt!.line}`
      : `offsets ${start}-${end} of a source that is not here`;
    const code =
      excerpt &&
      dedented(excerpt.lines).map(({ number, before, marked, after }) => {
        const hit = marked === "" ? "" : ` class="hit"`;
        return `<span${hit}><i>${number}</i>${escapeText(before)}${marked && `<mark>${escapeText(marked)}</mark>`}${escapeText(after)}\n</span>`;
      });
    const first = html === "" ? "" : '<p class="from">called from</p>';
    html += `${first}<p class="place">${escapeText(place)}</p>${code ? `<pre class="code">${code.join("")}</pre>` : ""}`;
  }
  return html;
}

/** What the side shows of an op. */
export function opDetails(data: GraphData, fn: GraphFunction, index: number): string {
  const op = fn.ops[index]!;
  const meaning = data.vocabulary[op.op];
  const value = (v: GraphValue) => [
    ...(v.role ? [escapeText(v.role)] : []),
    `<code>${link(v.op === index ? -1 : v.op, v.name)}</code>`,
    `<code>${escapeText(v.type)}</code>`,
  ];
  const effect =
    meaning && meaning.effect !== "pure" ? ` <b class="effect">${escapeText(meaning.effect)}</b>` : "";
  return [
    `<h2>${escapeText(op.op)}${effect}</h2>`,
    meaning ? `<p>${escapeText(meaning.doc)}</p>` : "",
    `<pre class="text">${escapeText(op.text)}</pre>`,
    section("Attributes", table(op.attributes.map((row) => row.map((t) => `<code>${escapeText(t)}</code>`)))),
    section("Operands", table(op.operands.map(value))),
    section("Results", table(op.results.map(value))),
    section("Source", placesOf(data, op.location)),
  ].join("");
}

/** The ops that a box stands for, by how often. */
export function kindsWithin(
  fn: GraphFunction,
  node: number,
): readonly (readonly [op: string, count: number])[] {
  const within = new Set([node]);
  fn.nodes.forEach((n, i) => {
    if (within.has(n.parent) || node < 0) within.add(i);
  });
  const counts = new Map<string, number>();
  for (const op of fn.ops) if (within.has(op.node)) counts.set(op.op, (counts.get(op.op) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

/** What the side shows of a box that is not one op. */
export function nodeDetails(data: GraphData, fn: GraphFunction, node: number): string {
  const { kind, title, about, op } = fn.nodes[node]!;
  if (kind === "op") return opDetails(data, fn, op);
  if (kind === "input" || kind === "argument")
    return `<h2>${escapeText(title)}</h2><p>${kind === "input" ? "Input of the function" : "Argument of the region"}</p><pre class="text">%${escapeText(title)} : ${escapeText(about)}</pre>`;
  const counts = kindsWithin(fn, node).map(([name, count]) => [escapeText(name), String(count)]);
  const contents = section("Contents", table(counts));
  const button = `<p><button data-toggle="${node}">Open or close</button></p>`;
  if (kind === "region") return `${button}${contents}${opDetails(data, fn, op)}`;
  return `<h2>${escapeText(title)}</h2>${button}<pre class="text">${escapeText(about)}</pre>${contents}`;
}

/** What the side shows while nothing is selected. */
export function functionDetails(fn: GraphFunction): string {
  const tones = [...new Set(fn.nodes.flatMap((n) => (n.op >= 0 ? n.tone : [])))].sort();
  const inputs = fn.nodes.filter((n) => n.kind === "input").map((n) => [n.title, n.about] as const);
  const value = ([name, type]: readonly [string, string]) => [
    escapeText(name),
    `<code>${escapeText(type)}</code>`,
  ];
  return [
    `<h2>${escapeText(fn.name)}</h2><p>${fn.ops.length} ops. Click a box for its code; the + of a group opens it.</p>`,
    section("Colours", tones.map((tone) => `<span class="chip tone-${tone}">${tone}</span>`).join(" ")),
    section("Inputs", table(inputs.map(value))),
    section("Results", table(fn.results.map(value))),
    section("Ops", table(kindsWithin(fn, -1).map(([name, count]) => [escapeText(name), String(count)]))),
  ].join("");
}

/** The ops whose name, storage or value has these words. */
export function findOps(fn: GraphFunction, query: string): readonly number[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return fn.ops.flatMap((op, i) => {
    const values = [...op.operands, ...op.results].map((v) => v.name);
    const names = [op.op, ...values, ...op.attributes.map(([, value]) => value)].join(" ").toLowerCase();
    return words.every((word) => names.includes(word)) ? [i] : [];
  });
}

/** A view in which a box is visible: the containers around it are open. */
export function revealed(graph: Graph, expanded: ReadonlySet<number>, node: number): ReadonlySet<number> {
  const open = new Set(expanded);
  for (let at = graph.nodes[node]?.parent ?? -1; at >= 0; at = graph.nodes[at]!.parent) open.add(at);
  return open;
}

/** A view in which a container is the other way: opening an `if` opens its branches, closing closes all inside. */
export function toggled(graph: Graph, expanded: ReadonlySet<number>, node: number): ReadonlySet<number> {
  if (!expanded.has(node)) {
    const branches = graph.nodes.flatMap((n, i) =>
      n.kind === "region" && n.parent === node && n.op === graph.nodes[node]!.op ? [i] : [],
    );
    return revealed(graph, new Set([...expanded, node, ...branches]), node);
  }
  const shut = new Set([node]);
  graph.nodes.forEach(({ parent }, i) => {
    if (shut.has(parent)) shut.add(i);
  });
  return new Set([...expanded].filter((i) => !shut.has(i)));
}

/** As much of a browser's elements as the page uses. */
interface PageElement {
  innerHTML: string;
  textContent: string;
  value: string;
  scrollTop: number;
  readonly dataset: Record<string, string | undefined>;
  readonly classList: { toggle(name: string, on: boolean): void };
  addEventListener(name: string, handler: (event: PageEvent) => void, options?: { passive: boolean }): void;
  closest(selector: string): PageElement | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  setAttribute(name: string, value: string): void;
  setPointerCapture(id: number): void;
  getBoundingClientRect(): { left: number; top: number; width: number; height: number };
  focus(): void;
  blur(): void;
}
interface PageEvent {
  readonly target: PageElement;
  readonly key: string;
  readonly clientX: number;
  readonly clientY: number;
  readonly deltaX: number;
  readonly deltaY: number;
  readonly button: number;
  readonly pointerId: number;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  preventDefault(): void;
}

/** Ties the page to its data. Runs in the browser only. */
export function openPage(document: PageElement): void {
  const element = (selector: string) => document.querySelector(selector)!;
  const data = JSON.parse(element("#data").textContent) as GraphData;
  const [canvas, world, side] = [element("#canvas"), element("#world"), element("#side")];
  const [search, found, status] = [element("#search"), element("#found"), element("#status")];
  const views = data.functions.map((fn) => ({
    expanded: new Set(fn.view) as ReadonlySet<number>,
    at: undefined as { x: number; y: number; zoom: number } | undefined,
  }));
  let current = 0;
  let layout: Layout = { width: 0, height: 0, boxes: [], routes: [], labels: [] };
  let selected = { node: -1, op: -1 };
  let hit = -1;

  const fn = () => data.functions[current]!;
  const view = () => views[current]!;
  const boxOf = (node: number) => {
    const shown = shownBy(fn(), view().expanded)[node];
    return layout.boxes.find((box) => box.node === shown);
  };
  const move = (x: number, y: number, zoom: number) => {
    view().at = { x, y, zoom };
    world.setAttribute("transform", `translate(${x} ${y}) scale(${zoom})`);
  };
  const fitIn = () => {
    const { width, height } = canvas.getBoundingClientRect();
    const whole = Math.min((width - 32) / layout.width, (height - 32) / layout.height);
    const zoom = Math.min(1, Math.max(whole, Math.min(0.6, (width - 32) / layout.width)));
    move((width - layout.width * zoom) / 2, Math.max(16, (height - layout.height * zoom) / 2), zoom);
  };
  const zoomBy = (factor: number, x?: number, y?: number) => {
    const frame = canvas.getBoundingClientRect();
    const at = view().at!;
    const zoom = Math.min(4, Math.max(0.03, at.zoom * factor));
    const [cx, cy] = [
      (x ?? frame.left + frame.width / 2) - frame.left,
      (y ?? frame.top + frame.height / 2) - frame.top,
    ];
    move(cx - ((cx - at.x) * zoom) / at.zoom, cy - ((cy - at.y) * zoom) / at.zoom, zoom);
  };
  const centre = (node: number) => {
    const box = boxOf(node);
    if (!box) return;
    const { width, height } = canvas.getBoundingClientRect();
    const zoom = Math.max(view().at!.zoom, 0.7);
    move(
      width / 2 - (box.x + box.width / 2) * zoom,
      height / 2 - (box.y + Math.min(box.height, 200) / 2) * zoom,
      zoom,
    );
  };

  const mark = () => {
    const shown = shownBy(fn(), view().expanded);
    const matches = findOps(fn(), search.value);
    const boxes = new Set(matches.map((op) => shown[fn().ops[op]!.node]));
    canvas.classList.toggle("searching", search.value.trim() !== "");
    found.textContent = search.value.trim() === "" ? "" : `${matches.length} ops`;
    const at = selected.node < 0 ? -1 : shown[selected.node]!;
    for (const e of world.querySelectorAll("[data-node]")) {
      e.classList.toggle("match", boxes.has(Number(e.dataset.node)));
      e.classList.toggle("selected", Number(e.dataset.node) === at);
    }
    for (const e of world.querySelectorAll("[data-source]")) {
      e.classList.toggle("out", at >= 0 && Number(e.dataset.source) === at);
      e.classList.toggle("in", at >= 0 && Number(e.dataset.to) === at);
    }
    for (const e of world.querySelectorAll(".row[data-op]"))
      e.classList.toggle("selected", Number(e.dataset.op) === selected.op);
  };
  const render = () => {
    layout = layoutOf(fn(), view().expanded);
    world.innerHTML = draw(fn(), layout);
    status.textContent = `${countBoxes(fn(), view().expanded)} boxes of ${fn().ops.length} ops`;
    mark();
  };
  const select = (node: number, op: number) => {
    selected = { node, op };
    side.innerHTML =
      op >= 0 ? opDetails(data, fn(), op) : node >= 0 ? nodeDetails(data, fn(), node) : functionDetails(fn());
    side.scrollTop = 0;
    mark();
  };
  /** The anchor stays where it is on the screen. */
  const expand = (expanded: ReadonlySet<number>, anchor = -1) => {
    const before = anchor < 0 ? undefined : boxOf(anchor);
    view().expanded = expanded;
    render();
    const after = anchor < 0 ? undefined : boxOf(anchor);
    const at = view().at;
    if (!before || !after || !at) return fitIn();
    const middle = before.x + before.width / 2 - after.x - after.width / 2;
    move(at.x + middle * at.zoom, at.y + (before.y - after.y) * at.zoom, at.zoom);
  };
  const goTo = (op: number) => {
    const { node } = fn().ops[op]!;
    if (node >= 0 && !boxOf(node)?.frame && boxOf(node)?.node !== node) {
      view().expanded = revealed(fn(), view().expanded, node);
      render();
    }
    select(node, op);
    if (node >= 0) centre(node);
  };
  const show = (index: number) => {
    current = index;
    for (const tab of document.querySelectorAll("[data-tab]"))
      tab.classList.toggle("current", Number(tab.dataset.tab) === index);
    render();
    const { at } = view();
    if (at) move(at.x, at.y, at.zoom);
    else fitIn();
    select(-1, -1);
  };

  const commands: Record<string, () => void> = {
    fit: fitIn,
    in: () => zoomBy(1.3),
    out: () => zoomBy(1 / 1.3),
    all: () => expand(new Set(fn().nodes.flatMap((node, i) => (isContainer(node) ? [i] : [])))),
    none: () => expand(new Set()),
    default: () => expand(new Set(fn().view)),
  };
  const keys: Record<string, string> = { "+": "in", "=": "in", "-": "out", "0": "fit" };
  let drag: { x: number; y: number; moved: boolean } | undefined;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    if (!drag.moved) canvas.setPointerCapture(event.pointerId);
    const at = view().at!;
    drag = { x: event.clientX, y: event.clientY, moved: true };
    move(at.x + dx, at.y + dy, at.zoom);
  });
  let dragged = false;
  canvas.addEventListener("pointerup", () => {
    dragged = drag?.moved ?? false;
    drag = undefined;
  });
  canvas.addEventListener("click", (event) => {
    if (dragged) return;
    const button = event.target.closest("[data-toggle]");
    if (button)
      return expand(
        toggled(fn(), view().expanded, Number(button.dataset.toggle)),
        Number(button.dataset.toggle),
      );
    const row = event.target.closest("[data-op]");
    const box = event.target.closest("[data-node]");
    const node = Number(box?.dataset.node ?? -1);
    select(node, Number(row?.dataset.op ?? -1));
  });
  canvas.addEventListener("dblclick", (event) => {
    const node = Number(event.target.closest("[data-node]")?.dataset.node ?? -1);
    if (node >= 0 && isContainer(fn().nodes[node]!)) expand(toggled(fn(), view().expanded, node), node);
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const at = view().at!;
      if (event.ctrlKey || event.metaKey) zoomBy(Math.exp(-event.deltaY / 240), event.clientX, event.clientY);
      else if (event.shiftKey && event.deltaX === 0) move(at.x - event.deltaY, at.y, at.zoom);
      else move(at.x - event.deltaX, at.y - event.deltaY, at.zoom);
    },
    { passive: false },
  );
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (tab) show(Number(tab.dataset.tab));
    const command = event.target.closest("[data-command]");
    if (command) commands[command.dataset.command!]?.();
  });
  side.addEventListener("click", (event) => {
    const target = event.target.closest("[data-op], [data-toggle]");
    if (!target) return;
    event.preventDefault();
    const { op, toggle: node } = target.dataset;
    if (op !== undefined) goTo(Number(op));
    else expand(toggled(fn(), view().expanded, Number(node)), Number(node));
  });
  search.addEventListener("input", () => {
    hit = -1;
    mark();
  });
  search.addEventListener("keydown", (event) => {
    const matches = findOps(fn(), search.value);
    if (event.key !== "Enter" || matches.length === 0) return;
    hit = (hit + (event.shiftKey ? -1 : 1) + matches.length) % matches.length;
    goTo(matches[hit]!);
    found.textContent = `${hit + 1} of ${matches.length}`;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input");
    if (event.key === "Escape") {
      search.value = "";
      search.blur();
      select(-1, -1);
    } else if (typing || event.ctrlKey || event.metaKey) return;
    else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    } else commands[keys[event.key] ?? ""]?.();
  });
  show(0);
}

/** Of the page and of the SVG file alike. */
export const STYLE = `
:root, svg.graph { --ground: #f6f7f9; --panel: #ffffff; --ink: #1d2430; --soft: #667085; --line: #d5dae2; --card: #ffffff;
  --edge: #98a2b3; --accent: #2563eb; --mark: #fde68a; --frame: #10182808; --shade: #10182818;
  --slate: #56657a; --blue: #2f5fb3; --sand: #86754a; --teal: #2b7a86; --violet: #6a58a6; --green: #3f7a4f;
  --grey: #838c99; --red: #cf3f2b; --amber: #b9791a; --pink: #ad2b86; --dark: #2a3342; }
@media (prefers-color-scheme: dark) { :root, svg.graph { --ground: #14171c; --panel: #1b1f26; --ink: #e6e9ee;
  --soft: #98a2b3; --line: #323945; --card: #20252d; --edge: #667085; --accent: #7aa7ff; --mark: #6b5510;
  --frame: #ffffff09; --shade: #00000066; --slate: #4d5b6e; --blue: #3465b8; --sand: #77683f; --teal: #2a7580;
  --violet: #6654a1; --green: #3b7149; --grey: #5d6673; --red: #d0432f; --amber: #a96e17; --pink: #a92f85; --dark: #414c5e; } }
.tone-elementwise { --tone: var(--slate) } .tone-linear-algebra { --tone: var(--blue) } .tone-views { --tone: var(--sand) }
.tone-reductions { --tone: var(--teal) } .tone-indexing { --tone: var(--violet) } .tone-groups, .tone-rng { --tone: var(--green) }
.tone-scalars, .tone-storage, .tone-unknown { --tone: var(--grey) } .tone-control, .tone-region { --tone: var(--violet) }
.tone-write, .tone-collective { --tone: var(--red) } .tone-update { --tone: var(--amber) } .tone-gradients { --tone: var(--pink) }
.tone-result, .tone-group { --tone: var(--dark) } .tone-input { --tone: var(--grey) }
svg text { font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif; fill: var(--ink); user-select: none }
.ground { fill: var(--ground) }
.frame rect { fill: var(--frame); stroke: var(--tone); stroke-width: 1.2; stroke-opacity: .55 }
.frame.tone-control rect, .frame.tone-region rect { stroke-dasharray: 6 4; stroke-opacity: .9 }
.head text { font-size: 12.5px; font-weight: 600; paint-order: stroke; stroke: var(--ground); stroke-width: 4px }
.toggle { cursor: pointer } .toggle circle { fill: var(--tone); stroke: #fff; stroke-opacity: .45 }
.toggle path { stroke: #fff; stroke-width: 1.6; fill: none } .toggle:hover circle { fill: var(--accent) }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.3 } .arrow { fill: var(--edge); fill: context-stroke }
.spot { fill: var(--tone); stroke: #fff; stroke-width: 1.2 }
.edge.order { stroke: var(--red); stroke-dasharray: 2 4; stroke-linecap: round }
.edge.out, .edge.in { stroke: var(--accent); stroke-width: 2.2 } .edge.in { stroke-dasharray: 5 3 }
.label { pointer-events: none } .label rect { fill: var(--ground); fill-opacity: .88 }
svg .label text { font-size: 10.5px; text-anchor: middle; fill: var(--soft);
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
svg .label.out text { fill: var(--accent) }
.box { cursor: pointer } .card, .behind { fill: var(--card); stroke: var(--tone); stroke-width: 1 }
.behind { opacity: .5 } .bar { fill: var(--tone) }
svg .box .title { font-size: 13px; font-weight: 600; fill: #fff }
.box .row { font-size: 10.5px; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
svg .box .row.about { fill: var(--soft) } svg .box .row:not(.about):hover, svg .box .row.selected { fill: var(--accent) }
.tone-write .card, .tone-gradients .card { stroke-width: 2.4 }
.box.input .bar, .box.argument .bar { fill: var(--card); stroke: var(--tone) }
svg .box.input .title, svg .box.argument .title { fill: var(--ink); font-weight: 500 }
.box:hover .card { stroke: var(--accent); stroke-width: 2 }
.box.selected .card, .frame.selected rect { stroke: var(--accent); stroke-width: 3; stroke-opacity: 1 }
.box.match .card { stroke: #f59e0b; stroke-width: 4 } .searching .box:not(.match) { opacity: .3 }
.searching .edge, .searching .label { opacity: .4 }
html, body { height: 100% } body { margin: 0; display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  font: 13.5px/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif; overflow: hidden }
header { display: flex; align-items: center; gap: 18px; padding: 8px 16px; background: var(--panel); border-bottom: 1px solid var(--line);
  flex-wrap: wrap }
h1 { font-size: 15px; margin: 0 } nav, .tools { display: flex; gap: 4px } .find { margin-left: auto; display: flex; gap: 10px; align-items: center }
button, input { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 7px; padding: 3px 11px }
button { cursor: pointer } button:hover { border-color: var(--accent) } nav button.current { background: var(--accent); border-color: var(--accent); color: var(--panel) }
.tools button { padding: 3px 9px; color: var(--soft) } input { width: 230px } #found, footer { color: var(--soft); font-size: 12px }
main { flex: 1; display: flex; min-height: 0 } #canvas { flex: 1; min-width: 0; cursor: grab; touch-action: none } #canvas:active { cursor: grabbing }
aside { width: 460px; max-width: 45vw; box-sizing: border-box; overflow: auto; padding: 14px 18px 40px; background: var(--panel); border-left: 1px solid var(--line) }
footer { position: fixed; left: 14px; bottom: 8px; pointer-events: none }
h2 { font-size: 17px; margin: 2px 0 6px; overflow-wrap: anywhere } h3 { font-size: 11px; margin: 18px 0 6px; text-transform: uppercase; letter-spacing: .06em; color: var(--soft) }
aside p { margin: 4px 0 8px } a { color: var(--accent); text-decoration: none } a:hover { text-decoration: underline }
.effect { font-size: 11px; font-weight: 600; padding: 1px 8px; border-radius: 9px; background: var(--amber); color: #fff; vertical-align: 2px }
pre, code { font: 11.5px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
pre { margin: 0; padding: 9px 11px; background: var(--ground); border: 1px solid var(--line); border-radius: 7px; overflow: auto; max-height: 320px }
.text { white-space: pre-wrap; overflow-wrap: anywhere } table { border-collapse: collapse; width: 100% }
td { padding: 2px 10px 2px 0; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
td:first-child:not(:nth-last-child(2)) { overflow-wrap: normal; white-space: nowrap }
.place { font: 11.5px ui-monospace, Menlo, Consolas, monospace; margin: 6px 0 4px } .from { color: var(--soft); font-size: 12px; margin-top: 12px }
.chip { display: inline-block; padding: 1px 9px; margin-bottom: 4px; border-radius: 5px; background: var(--tone); color: #fff; font-size: 12px; font-weight: 600 }
.code { padding: 6px 0 } .code span { display: block; padding-right: 10px; width: max-content; min-width: 100%; box-sizing: border-box; white-space: pre }
.code i { display: inline-block; width: 40px; margin-right: 12px; text-align: right; font-style: normal; color: var(--soft); opacity: .7; user-select: none }
.code .hit { background: var(--frame) } mark { background: var(--mark); color: inherit; border-radius: 3px }
`;
