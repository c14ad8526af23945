/** @file The data of a drawing from a module: what `model.ts` declares, for every function. */
import {
  type Location,
  type Type,
  type UnverifiedFunction,
  type UnverifiedModule,
  type UnverifiedOp,
  type Value,
  walkOps,
} from "../../compiler/ir/module.js";
import { printAttribute, printFunction } from "../../compiler/ir/print.js";
import { printType } from "../../compiler/ir/print-type.js";
import { OPS } from "../../compiler/registry/index.js";
import { Boxes, isRow, roleOf } from "./boxes.js";
import type { GraphData, GraphFunction, GraphOp, GraphValue } from "./model.js";
import { defaultView } from "./views.js";

export const sourcesOf = (module: UnverifiedModule) => new Map(module.sources.map((s) => [s.path, s.text]));

/** The function with names that hold no white space, so that each op is one line of its text. */
function inLines(fn: UnverifiedFunction): UnverifiedFunction {
  const word = (text: string) => text.replaceAll(/\s+/g, "_");
  const type = (t: Type): Type => (t.kind === "group" ? { ...t, group: word(t.group) } : t);
  const value = (v: Value): Value => ({ ...v, name: word(v.name), type: type(v.type) });
  const op = (o: UnverifiedOp): UnverifiedOp => ({
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
function textsOf(fn: UnverifiedFunction): readonly string[] {
  const lines = printFunction(inLines(fn))
    .split("\n")
    .slice(fn.inputs.length + (fn.inputs.length ? 2 : 3));
  const texts: string[] = [];
  let at = 0;
  const take = (op: UnverifiedOp) => {
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

export function functionOf(
  fn: UnverifiedFunction,
  sources: ReadonlyMap<string, string>,
  place: (at: Location) => number,
): GraphFunction {
  const ops = [...walkOps(fn.body)];
  const tree = new Boxes(fn, sources, new Map(ops.map((op, i) => [op, i])));
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
export function graphData(module: UnverifiedModule): GraphData {
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
