/** @file What stands beside the drawing: an op, its operands and its line in the source; a group; a function; what a search finds. */
import { escapeText } from "./draw.js";
import type { GraphData, GraphFunction, GraphValue } from "./model.js";

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
