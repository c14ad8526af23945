/**
 * @file The tree of boxes that a function is drawn as: ops in the calls that they come from, calls named by the modules
 * whose parameters they read. Storages, groups and constants are rows of the boxes that use them.
 */
import {
  type FunctionInput,
  type Location,
  type UnverifiedFunction,
  type UnverifiedOp,
  type UnverifiedRegion,
  type Value,
  walkOps,
} from "../../compiler/ir/module.js";
import { printAttribute } from "../../compiler/ir/print.js";
import { printType } from "../../compiler/ir/print-type.js";
import { OPS } from "../../compiler/registry/index.js";
import type { OpSpec } from "../../compiler/registry/spec.js";
import type { Graph, GraphEdge, GraphNode, GraphRow } from "./model.js";

/** A call that was inlined, an index of a stack's layer, or a file that the function's own one is not. */
interface Frame {
  readonly key: string;
  readonly name: string;
  readonly call: string;
}

const SMALLEST_GROUP = 3;
/** What an op does beside its results, as a colour. */
const EFFECTS: readonly string[] = ["write", "update", "gradients", "rng", "collective"];
export const isRow = (op: UnverifiedOp) => op.op === "state" || op.op === "group" || op.op === "constant";
const isEnd = (op: UnverifiedOp) => op.op === "yield" || op.op === "return";
/** The boxes of the ops in the regions of an op. */
const countWithin = (op: UnverifiedOp): number =>
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
export const roleOf = (spec: OpSpec | undefined, operand: number): string =>
  (spec?.operands[operand] ?? spec?.operands.findLast((o) => o.variadic))?.name ?? String(operand);

type Item = { readonly op: UnverifiedOp; readonly frames: readonly Frame[] };
/** A group that forms while ops are read in program order. */
type Part = { readonly frame: Frame | undefined; readonly items: Item[]; readonly after: Set<Part> };

export class Boxes implements Graph {
  readonly nodes: GraphNode[] = [];
  readonly edges: GraphEdge[] = [];
  /** The box of each op: its own, or the first box that shows it as a row. */
  readonly nodeOf = new Map<UnverifiedOp, number>();
  private readonly producers = new Map<number, UnverifiedOp>();
  /** Where a value comes out: an op's box, the yields of an op with regions, an input, a region's argument. */
  private readonly outlets = new Map<number, readonly number[]>();
  private readonly modules = new Map<UnverifiedOp, readonly string[]>();
  private readonly frames = new Map<UnverifiedOp, readonly Frame[]>();
  /** By op: the writes before it that it sees. */
  private readonly seen = new Map<UnverifiedOp, readonly UnverifiedOp[]>();
  private readonly free = new Map<UnverifiedOp, readonly Value[]>();

  constructor(
    private readonly fn: UnverifiedFunction,
    private readonly sources: ReadonlyMap<string, string>,
    private readonly indices: ReadonlyMap<UnverifiedOp, number>,
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
        this.edges.push({ from: this.nodeOf.get(write)!, to: this.nodeOf.get(op)!, output: 0, type: "" });
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
    const written = new Map<string, UnverifiedOp>();
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
    const calls = new Map<string, UnverifiedOp[]>();
    for (const [op, frames] of this.frames) {
      let key = "";
      for (const frame of frames) {
        key += `/${frame.key}`;
        const list = calls.get(key);
        if (list) list.push(op);
        else calls.set(key, [op]);
      }
    }
    const found = new Map<UnverifiedOp, Map<number, string>>();
    for (const [key, ops] of calls) {
      const known = ops.flatMap((op) => (this.modules.has(op) ? [this.modules.get(op)!] : []));
      if (known.length === 0) continue;
      const depth = common(known).length;
      const numbers = new Set(known.map((path) => path[depth]));
      if (numbers.size < 2 || ![...numbers].every((n) => n !== undefined && /^\d+$/.test(n))) continue;
      const stack = oneLine(common(known).join("."));
      const numberOf = new Map<UnverifiedOp, string>();
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
  private takes(op: UnverifiedOp): readonly Value[] {
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

  private region(region: UnverifiedRegion, parent: number, outer: readonly Frame[]) {
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
    const partOf = new Map<UnverifiedOp, Part>();
    const makers = new Map<number, UnverifiedOp>();
    const around = new Map<UnverifiedOp, UnverifiedOp>();
    for (const { op } of items) {
      for (const result of op.results) makers.set(result.id, op);
      for (const inner of [op, ...op.regions.flatMap((r) => [...walkOps(r)])]) around.set(inner, op);
    }
    const above = (op: UnverifiedOp): readonly UnverifiedOp[] => {
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

  private toneOf(op: UnverifiedOp): string {
    const spec = OPS.get(op.op);
    if (spec?.differentiates) return "gradients";
    if (isEnd(op)) return "result";
    if (spec && EFFECTS.includes(spec.effect)) return spec.effect;
    return (spec?.family ?? "unknown").replaceAll(" ", "-");
  }

  /** Storage, groups and constants among the operands, by the operand's name. */
  private rowsOf(op: UnverifiedOp, node: number): readonly GraphRow[] {
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

  private op(op: UnverifiedOp, parent: number) {
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

  private connect(op: UnverifiedOp, node: number) {
    for (const value of op.operands) this.link(value, node);
  }

  private link(value: Value | undefined, node: number) {
    if (!value) return;
    const output = this.producers.get(value.id)?.results.findIndex(({ id }) => id === value.id) ?? 0;
    for (const from of this.outlets.get(value.id) ?? [])
      this.edges.push({ from, to: node, output, type: printType(value.type) });
  }
}
