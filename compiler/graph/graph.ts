/**
 * @file A module as a page for the browser. Each function becomes a tree of boxes: ops in the calls that they come from,
 * calls named by the modules whose parameters they read; storage, groups and constants are rows of the boxes that use
 * them. `layout.ts` places the boxes, `page.ts` draws them; here is what they get.
 */
import { readFileSync } from "node:fs";
import {
  type FunctionInput,
  type IrFunction,
  type IrModule,
  type Location,
  type Op,
  type Region,
  type Type,
  type Value,
  walkOps,
} from "../ir/module.js";
import { printAttribute, printFunction } from "../ir/print.js";
import { printType } from "../ir/print-type.js";
import { OPS } from "../registry/index.js";
import type { OpSpec } from "../registry/spec.js";
import { defaultView, type GraphEdge, type GraphNode, type GraphRow, layoutOf } from "./layout.js";
import {
  draw,
  escapeText,
  type GraphData,
  type GraphFunction,
  type GraphOp,
  type GraphValue,
  STYLE,
} from "./page.js";

/** A call that was inlined, an index of a stack's layer, or a file that the function's own one is not. */
interface Frame {
  readonly key: string;
  readonly name: string;
  readonly call: string;
}

const SMALLEST_GROUP = 3;
/** What an op does beside its results, as a colour. */
const EFFECTS: readonly string[] = ["write", "update", "gradients", "rng", "collective"];
const isRow = (op: Op) => op.op === "state" || op.op === "group" || op.op === "constant";
const isEnd = (op: Op) => op.op === "yield" || op.op === "return";
/** The boxes of the ops in the regions of an op. */
const countWithin = (op: Op): number =>
  op.regions.reduce((n, region) => n + [...walkOps(region)].filter((inner) => !isRow(inner)).length, 0);
const clip = (text: string, length: number) =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
const oneLine = (text: string) => text.replaceAll(/\s+/g, " ").trim();

function common(paths: readonly (readonly string[])[]): readonly string[] {
  const [first = [], ...rest] = paths;
  const end = first.findIndex((segment, i) => rest.some((path) => path[i] !== segment));
  return end < 0 ? first : first.slice(0, end);
}

/** `this.net.stem` of `this.net.stem(x)`, `transpose` of `f(x).transpose(0, 1)`. */
export function calleeOf(call: string): string {
  if (!call.endsWith(")")) return clip(oneLine(call), 32);
  let depth = 0;
  let open = call.length - 1;
  for (; open >= 0; open--) {
    if (call[open] === ")") depth++;
    if (call[open] === "(" && --depth === 0) break;
  }
  const callee = oneLine(call.slice(0, Math.max(open, 0)).replace(/<[^()]*>$/, ""));
  return clip(/[\w$.?!]+$/.exec(callee)?.[0].replace(/^[.?!]+/, "") || callee || oneLine(call), 32);
}

/** What the registry calls an operand. */
const roleOf = (spec: OpSpec | undefined, operand: number): string =>
  (spec?.operands[operand] ?? spec?.operands.findLast((o) => o.variadic))?.name ?? String(operand);

type Item = { readonly op: Op; readonly frames: readonly Frame[] };
/** A group that forms while ops are read in program order. */
type Part = { readonly frame: Frame | undefined; readonly items: Item[]; readonly after: Set<Part> };

class Builder {
  readonly nodes: GraphNode[] = [];
  readonly edges: GraphEdge[] = [];
  /** The box of each op: its own, or the first box that shows it as a row. */
  readonly nodeOf = new Map<Op, number>();
  private readonly producers = new Map<number, Op>();
  /** Where a value comes out: an op's box, the yields of an op with regions, an input, a region's argument. */
  private readonly outlets = new Map<number, readonly number[]>();
  private readonly modules = new Map<Op, readonly string[]>();
  private readonly frames = new Map<Op, readonly Frame[]>();
  /** By op: the writes before it that it sees. */
  private readonly seen = new Map<Op, readonly Op[]>();
  private readonly free = new Map<Op, readonly Value[]>();

  constructor(
    private readonly fn: IrFunction,
    private readonly sources: ReadonlyMap<string, string>,
    private readonly indices: ReadonlyMap<Op, number>,
  ) {
    for (const op of walkOps(fn.body)) {
      for (const result of op.results) this.producers.set(result.id, op);
      const read = op.operands.flatMap((v) => this.storageOf(v) ?? []);
      const paths = read.map((name) => name.split(".").slice(0, -1)).filter((path) => path.length > 0);
      if (paths.length) this.modules.set(op, common(paths));
      this.frames.set(op, this.framesOf(op.location));
    }
    this.orderWrites();
    this.numberLayers();
    this.inputs();
    this.region(fn.body, -1, []);
    for (const [op, writes] of this.seen)
      for (const write of writes)
        this.edges.push({ from: this.nodeOf.get(write)!, to: this.nodeOf.get(op)!, type: "" });
    this.nodes.forEach(({ tone, parent }) => {
      for (let at = EFFECTS.includes(tone) ? parent : -1; at >= 0; at = this.nodes[at]!.parent) {
        const node = this.nodes[at]!;
        if (!node.effects.includes(tone)) this.nodes[at] = { ...node, effects: [...node.effects, tone] };
      }
    });
  }

  /** Inputs of one origin (`plan.slots`, `plan.margin`) make a group. */
  private inputs() {
    const origins = new Map<string, FunctionInput[]>();
    for (const input of this.fn.inputs) {
      const dot = input.value.name.indexOf(".");
      const origin = dot < 0 ? `#${input.value.id}` : input.value.name.slice(0, dot);
      origins.set(origin, [...(origins.get(origin) ?? []), input]);
    }
    for (const [origin, inputs] of origins) {
      const rows = [{ text: `${inputs.length} inputs`, op: -1, title: origin }];
      const parent =
        inputs.length < SMALLEST_GROUP
          ? -1
          : this.add("group", oneLine(origin), `Inputs ${oneLine(origin)}`, "group", rows, -1, -1);
      for (const { value } of inputs) {
        const node = this.add("input", oneLine(value.name), printType(value.type), "input", [], parent, -1);
        this.outlets.set(value.id, [node]);
      }
    }
  }

  private storageOf(value: Value | undefined): string | undefined {
    const op = value && this.producers.get(value.id);
    return op?.op === "state" ? String(op.attributes.name) : undefined;
  }

  /** Who uses a storage or group after it was written, by its name, is below the write. */
  private orderWrites() {
    const written = new Map<string, Op>();
    for (const op of walkOps(this.fn.body)) {
      const names = op.operands.flatMap((v) => {
        const from = v && this.producers.get(v.id);
        return from && from.op !== "constant" && isRow(from) ? [String(from.attributes.name)] : [];
      });
      const writes = new Set(names.flatMap((name) => written.get(name) ?? []));
      if (writes.size && op.regions.length === 0) this.seen.set(op, [...writes]);
      if (OPS.get(op.op)?.effect === "write" && names[0] !== undefined) written.set(names[0], op);
    }
  }

  /** The calls around an op, outermost first. */
  private framesOf(location: Location): readonly Frame[] {
    const frames: Frame[] = [];
    let outermost = location;
    for (let at = location.parent; at; at = at.parent) {
      const call = this.sources.get(at.path)?.slice(at.start, at.end) ?? "";
      frames.unshift({ key: `${at.path}:${at.start}-${at.end}`, name: calleeOf(call), call: oneLine(call) });
      outermost = at;
    }
    if (outermost.path !== this.fn.location.path) {
      const name = outermost.path.slice(outermost.path.lastIndexOf("/") + 1);
      frames.unshift({ key: outermost.path, name, call: outermost.path });
    }
    return frames;
  }

  /** A call in a loop over a stack's layers is as many calls as there are layers: the names of what they read tell. */
  private numberLayers() {
    const calls = new Map<string, Op[]>();
    for (const [op, frames] of this.frames) {
      let key = "";
      for (const frame of frames) {
        key += `/${frame.key}`;
        const list = calls.get(key);
        if (list) list.push(op);
        else calls.set(key, [op]);
      }
    }
    const found = new Map<Op, Map<number, string>>();
    for (const [key, ops] of calls) {
      const known = ops.flatMap((op) => (this.modules.has(op) ? [this.modules.get(op)!] : []));
      if (known.length === 0) continue;
      const depth = common(known).length;
      const numbers = new Set(known.map((path) => path[depth]));
      if (numbers.size < 2 || ![...numbers].every((n) => n !== undefined && /^\d+$/.test(n))) continue;
      const stack = oneLine(common(known).join("."));
      const numberOf = new Map<Op, string>();
      let latest = [...numbers][0]!;
      for (const op of ops) {
        latest = this.modules.get(op)?.[depth] ?? latest;
        numberOf.set(op, `${stack}.${latest}`);
      }
      const level = this.frames
        .get(ops[0]!)!
        .findIndex((_, i, all) => key === all.slice(0, i + 1).reduce((k, f) => `${k}/${f.key}`, ""));
      for (const [op, number] of numberOf)
        found.set(op, (found.get(op) ?? new Map<number, string>()).set(level, number));
    }
    for (const [op, numbers] of found)
      this.frames.set(
        op,
        this.frames.get(op)!.flatMap((frame, i) => {
          const number = numbers.get(i);
          return number === undefined
            ? [frame]
            : [frame, { key: `#${number}`, name: number, call: frame.call }];
        }),
      );
  }

  private add(
    kind: GraphNode["kind"],
    title: string,
    about: string,
    tone: string,
    rows: readonly GraphRow[],
    parent: number,
    op: number,
  ): number {
    return this.nodes.push({ kind, title, about, tone, rows, effects: [], parent, op }) - 1;
  }

  /** The values that an op and the regions in it take from around it. */
  private takes(op: Op): readonly Value[] {
    const known = this.free.get(op);
    if (known) return known;
    const own = new Set<number>();
    const taken: Value[] = op.operands.flatMap((v) => v ?? []);
    for (const region of op.regions) {
      for (const argument of region.args) own.add(argument.id);
      for (const inner of region.ops) {
        taken.push(...this.takes(inner));
        for (const result of inner.results) own.add(result.id);
      }
    }
    const free = taken.filter((v) => !own.has(v.id));
    this.free.set(op, free);
    return free;
  }

  private region(region: Region, parent: number, outer: readonly Frame[]) {
    const items = region.ops
      .filter((op) => !isRow(op))
      .map((op) => {
        const frames = this.frames.get(op)!;
        const inner = frames.findIndex((frame, i) => frame.key !== outer[i]?.key);
        return { op, frames: inner < 0 ? [] : frames.slice(inner) };
      });
    this.items(items, parent);
  }

  /** Boxes of ops, and of calls around them where those hold enough. */
  private items(items: readonly Item[], parent: number) {
    const parts = this.divide(items);
    const steps = items.filter(({ op }) => !isEnd(op)).length;
    const around = this.nodes[parent];
    const titles = parts.map(({ frame, items: own }) => frame && this.titleOf(frame, own, around));
    parts.forEach(({ frame, items: own }, i) => {
      const inner = own.map(({ op, frames }) => ({ op, frames: frames.slice(1) }));
      const title = titles[i]!;
      if (!frame) this.op(own[0]!.op, parent);
      else if (own.length < SMALLEST_GROUP) this.items(inner, parent);
      else if (own.length >= steps) {
        // The only call: it needs no box of its own.
        if (around?.kind === "region")
          this.nodes[parent] = { ...around, title: `${around.title} · ${title}`, about: frame.call };
        this.items(inner, parent);
      } else {
        const about = title === frame.name ? frame.call : `${title}: ${frame.call}`;
        const count = own.reduce((n, { op }) => n + 1 + countWithin(op), 0);
        const rows = [{ text: `${count} ops`, op: -1, title: about }];
        if (titles.filter((t) => t === title).length > 1)
          rows.unshift({ text: clip(frame.call, 34), op: -1, title: about });
        this.items(inner, this.add("group", title, about, "group", rows, parent, -1));
      }
    });
  }

  /** The module whose parameters most of the ops read, otherwise what was called. */
  private titleOf(frame: Frame, items: readonly Item[], around: GraphNode | undefined): string {
    if (frame.key.startsWith("#")) return frame.name;
    const known = items.flatMap(({ op }) => (this.modules.has(op) ? [this.modules.get(op)!] : []));
    const path = oneLine(common(known).join("."));
    const taken = around?.title === path || around?.title.endsWith(` · ${path}`);
    return path !== "" && known.length * 2 >= items.length && !taken ? path : frame.name;
  }

  /**
   * Ops by the next call around them. An op joins the group of its call unless that would close a cycle: when something
   * that the op needs, outside the group, needs the group. Then a second group of the same name begins.
   */
  private divide(items: readonly Item[]): readonly Part[] {
    const parts: Part[] = [];
    const open = new Map<string, Part>();
    const partOf = new Map<Op, Part>();
    const makers = new Map<number, Op>();
    const around = new Map<Op, Op>();
    for (const { op } of items) {
      for (const result of op.results) makers.set(result.id, op);
      for (const inner of [op, ...op.regions.flatMap((r) => [...walkOps(r)])]) around.set(inner, op);
    }
    const above = (op: Op): readonly Op[] => {
      const within = [op, ...op.regions.flatMap((r) => [...walkOps(r)])];
      const writes = within
        .flatMap((inner) => this.seen.get(inner) ?? [])
        .flatMap((w) => around.get(w) ?? []);
      return [...this.takes(op).flatMap((v) => makers.get(v.id) ?? []), ...writes].filter((o) => o !== op);
    };
    const leadsTo = (from: Part, targets: ReadonlySet<Part>): boolean => {
      const seen = new Set<Part>();
      const stack = [...from.after];
      for (let part = stack.pop(); part; part = stack.pop()) {
        if (targets.has(part)) return true;
        if (seen.has(part)) continue;
        seen.add(part);
        stack.push(...part.after);
      }
      return false;
    };
    for (const item of items) {
      const [frame] = item.frames;
      const needs = new Set(above(item.op).flatMap((op) => partOf.get(op) ?? []));
      let part = frame && open.get(frame.key);
      if (part) {
        const others = new Set([...needs].filter((p) => p !== part));
        if (others.size && leadsTo(part, others)) part = undefined;
      }
      if (!part) {
        part = { frame, items: [], after: new Set() };
        parts.push(part);
        if (frame) open.set(frame.key, part);
      }
      part.items.push(item);
      partOf.set(item.op, part);
      for (const need of needs) if (need !== part) need.after.add(part);
    }
    return parts;
  }

  private toneOf(op: Op): string {
    const spec = OPS.get(op.op);
    if (op.op === "gradients") return "gradients";
    if (isEnd(op)) return "result";
    if (spec && EFFECTS.includes(spec.effect)) return spec.effect;
    return (spec?.family ?? "unknown").replaceAll(" ", "-");
  }

  /** Storage, groups and constants among the operands, by the operand's name. */
  private rowsOf(op: Op, node: number): readonly GraphRow[] {
    const spec = OPS.get(op.op);
    return op.operands.flatMap((value, i) => {
      const from = value && this.producers.get(value.id);
      if (!from || !isRow(from)) return [];
      if (!this.nodeOf.has(from)) this.nodeOf.set(from, node);
      const operand = roleOf(spec, i);
      const index = this.indices.get(from)!;
      if (from.op === "constant") {
        const text = `${operand} = ${printAttribute(from.attributes.value ?? "?")}`;
        return [{ text: clip(text, 40), op: index, title: text }];
      }
      const name = oneLine(String(from.attributes.name));
      const title = `@${name} : ${printType(value.type)}`;
      const written = spec?.effect === "write" && i === 0 ? "→ " : "";
      const module = this.modules.get(op)?.join(".") ?? "";
      const last = name.slice(module.length + 1);
      const short = name.startsWith(`${module}.`) && /^[a-z]/i.test(last) ? last : `@${name}`;
      const type = value.type.kind === "group" ? "" : ` ${printType(value.type)}`;
      return [{ text: clip(`${written}${short}${type}`, 44), op: index, title }];
    });
  }

  private op(op: Op, parent: number) {
    const index = this.indices.get(op)!;
    const container = op.regions.length > 0;
    const node = this.add(
      container ? "region" : "op",
      oneLine(op.op),
      container ? `${countWithin(op)} ops` : "",
      this.toneOf(op),
      [],
      parent,
      index,
    );
    this.nodeOf.set(op, node);
    const rows = this.rowsOf(op, node);
    this.nodes[node] = { ...this.nodes[node]!, rows };
    if (!container) {
      this.connect(op, node);
      for (const result of op.results) this.outlets.set(result.id, [node]);
      return;
    }
    const { about } = this.nodes[node]!;
    this.nodes[node] = { ...this.nodes[node]!, rows: [...rows, { text: about, op: -1, title: about }] };
    if (op.op === "if" || op.regions.every((r) => r.args.length === 0)) this.connect(op, node);
    const names = op.op === "if" ? ["then", "else"] : op.op === "while" ? ["condition", "body"] : [];
    const outer = [...this.frames.get(op)!];
    const yields = op.regions.map((region, r) => {
      const name = names[r] ?? (op.regions.length > 1 ? `region ${r}` : "");
      const count = [...walkOps(region)].filter((inner) => !isRow(inner)).length;
      const row = { text: `${count} ops`, op: -1, title: name };
      const inside = name === "" ? node : this.add("region", name, op.op, "region", [row], node, index);
      region.args.forEach((argument, i) => {
        const box = this.add(
          "argument",
          argument.name || "carried",
          printType(argument.type),
          "input",
          [],
          inside,
          index,
        );
        this.outlets.set(argument.id, [box]);
        this.link(op.operands[i], box);
      });
      this.region(region, inside, outer);
      const last = region.ops.at(-1);
      return (last && this.nodeOf.get(last)) ?? inside;
    });
    const outlets = op.op === "if" ? yields : yields.slice(-1);
    for (const result of op.results) this.outlets.set(result.id, outlets);
  }

  private connect(op: Op, node: number) {
    for (const value of op.operands) this.link(value, node);
  }

  private link(value: Value | undefined, node: number) {
    if (!value) return;
    for (const from of this.outlets.get(value.id) ?? [])
      this.edges.push({ from, to: node, type: printType(value.type) });
  }
}

const sourcesOf = (module: IrModule) => new Map(module.sources.map((s) => [s.path, s.text]));

/** The function with names that hold no white space, so that each op is one line of its text. */
function inLines(fn: IrFunction): IrFunction {
  const word = (text: string) => text.replaceAll(/\s+/g, "_");
  const type = (t: Type): Type => (t.kind === "group" ? { ...t, group: word(t.group) } : t);
  const value = (v: Value): Value => ({ ...v, name: word(v.name), type: type(v.type) });
  const op = (o: Op): Op => ({
    ...o,
    op: word(o.op),
    attributes:
      isRow(o) && typeof o.attributes.name === "string" ? { name: word(o.attributes.name) } : o.attributes,
    operands: o.operands.map((v) => v && value(v)),
    results: o.results.map(value),
    regions: o.regions.map((r) => ({ args: r.args.map(value), ops: r.ops.map(op) })),
  });
  const inputs = fn.inputs.map((input) => ({ ...input, value: value(input.value) }));
  return { ...fn, name: word(fn.name), inputs, results: [], body: { ...fn.body, ops: fn.body.ops.map(op) } };
}

/** The text of every op, in program order; one with regions has those in its text. */
function textsOf(fn: IrFunction): readonly string[] {
  const lines = printFunction(inLines(fn))
    .split("\n")
    .slice(fn.inputs.length + (fn.inputs.length ? 2 : 3));
  const texts: string[] = [];
  let at = 0;
  const take = (op: Op) => {
    const [start, index] = [at++, texts.push("") - 1];
    for (const region of op.regions) {
      region.ops.forEach(take);
      at++; // the line that closes the region
    }
    const own = lines.slice(start, at);
    const indent = /^ */.exec(own[0] ?? "")![0].length;
    texts[index] = own.map((line) => line.slice(indent)).join("\n");
  };
  fn.body.ops.forEach(take);
  return texts;
}

function functionOf(
  fn: IrFunction,
  sources: ReadonlyMap<string, string>,
  place: (at: Location) => number,
): GraphFunction {
  const ops = [...walkOps(fn.body)];
  const tree = new Builder(fn, sources, new Map(ops.map((op, i) => [op, i])));
  const texts = textsOf(fn);
  const known = new Map<number, { name: string; op: number }>();
  const nameOf = (v: Value) => known.get(v.id)?.name ?? `%${v.name}`;
  ops.forEach((op, i) => {
    const names = (texts[i] ?? "").split(" = ")[0]!.split(", ");
    op.results.forEach((v, r) => {
      known.set(v.id, { name: names[r] ?? `%${v.name}`, op: i });
    });
  });
  const rows = ops.map((op, i): GraphOp => {
    const spec = OPS.get(op.op);
    const value = (role: string, v: Value): GraphValue => ({
      role,
      name: nameOf(v),
      type: printType(v.type),
      op: known.get(v.id)?.op ?? -1,
    });
    return {
      op: op.op,
      text: texts[i] ?? "",
      attributes: Object.entries(op.attributes).map(([name, v]) => [name, printAttribute(v)]),
      operands: op.operands.flatMap((v, o) => (v ? [value(roleOf(spec, o), v)] : [])),
      results: op.results.map((v) => value("", v)),
      location: place(op.location),
      node: tree.nodeOf.get(op) ?? -1,
    };
  });
  const { nodes, edges } = tree;
  const results = fn.results.map((r) => [r.name, printType(r.type)] as const);
  return { name: fn.name, nodes, edges, results, ops: rows, view: [...defaultView({ nodes, edges })] };
}

/** What the page embeds. */
export function graphData(module: IrModule): GraphData {
  const sources = sourcesOf(module);
  const paths = new Map([...sources.keys()].map((path, i) => [path, i]));
  const locations: GraphData["locations"][number][] = [];
  const fused: Record<number, readonly number[]> = {};
  const known = new Map<string, number>();
  const place = (at: Location): number => {
    const parent = at.parent ? place(at.parent) : -1;
    const also = at.also?.map(place) ?? [];
    const row = [paths.get(at.path) ?? -1, at.start, at.end, parent] as const;
    const key = [...row, ...also].join();
    const index = known.get(key) ?? locations.push(row) - 1;
    if (also.length) fused[index] = also;
    known.set(key, index);
    return index;
  };
  const functions = module.functions.map((fn) => functionOf(fn, sources, place));
  const used = new Set(functions.flatMap((fn) => fn.ops.map((op) => op.op)));
  const vocabulary = Object.fromEntries(
    [...used].flatMap((name) => {
      const spec = OPS.get(name);
      return spec ? [[name, { doc: spec.doc, effect: spec.effect }]] : [];
    }),
  );
  return {
    name: module.name,
    sources: [...sources].map(([path, text]) => ({ path, text })),
    locations,
    fused,
    vocabulary,
    functions,
  };
}

/** A built module of this folder as part of one script. */
const scriptOf = (file: string): string =>
  readFileSync(new URL(file, import.meta.url), "utf8")
    .replaceAll(/^import [^;]*;\n/gm, "")
    .replaceAll(/^export (?=const|function|class)/gm, "")
    .replaceAll(/^\/\/# sourceMappingURL.*$/gm, "");

const button = (command: string, text: string, title: string) =>
  `<button data-command="${command}" title="${title}">${text}</button>`;

/** One HTML file that shows every function as a graph. It needs nothing beside itself, and asks the network for nothing. */
export function graphPage(module: IrModule): string {
  const data = graphData(module);
  const tabs = data.functions.map((fn, i) => `<button data-tab="${i}">${escapeText(fn.name)}</button>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeText(module.name)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeText(module.name)}</h1>
<nav>${tabs.join("")}</nav>
<span class="tools">${button("default", "default", "The view that the page opened with")}${button("none", "close all", "Close every group")}${button("all", "open all", "Open every group")}${button("out", "−", "Smaller (-)")}${button("in", "+", "Larger (+)")}${button("fit", "fit", "Fit (0)")}</span>
<span class="find"><span id="found"></span><input id="search" type="search" placeholder="Search ops and storage  /" aria-label="Search ops and storage" autocomplete="off" spellcheck="false"></span>
</header>
<main><svg id="canvas" xmlns="http://www.w3.org/2000/svg"><g id="world"></g></svg><aside id="side"></aside></main>
<footer id="status"></footer>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
<script>
(() => {
"use strict";
${scriptOf("./layout.js")}
${scriptOf("./page.js")}
openPage(document);
})();
</script>
</body>
</html>
`;
}

/** The default view of one function as an SVG file. */
export function graphSvg(module: IrModule, functionName: string): string {
  const fn = module.functions.find((f) => f.name === functionName);
  if (!fn) throw new Error(`there is no function ${functionName}`);
  const graph = functionOf(fn, sourcesOf(module), () => -1);
  const layout = layoutOf(graph, new Set(graph.view));
  const [width, height] = [Math.ceil(layout.width), Math.ceil(layout.height)];
  return `<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><style>${escapeText(STYLE)}</style><rect class="ground" width="100%" height="100%"/>${draw(graph, layout)}</svg>\n`;
}
