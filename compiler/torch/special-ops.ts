/** @file The ops that torch has no call for, each with what it becomes. Another one is another entry. */
import type { Location, Op, Region, Value } from "../ir/module.js";
import { listOf, literal, realLiteral, wholeLiteral } from "./python-literal.js";
import { assign, orPass, type Statement } from "./statement.js";
import { local } from "./torch-call.js";

/** What an op may ask of the function that it is written into. */
export interface Emitting {
  storage(name: string): string;
  /** The members of a group. */
  group(name: string): readonly string[];
  /** A statement that changes storage. */
  write(statement: Statement): Statement;
  /** The ops of a region, then its yields into `targets`. */
  region(region: Region, targets: readonly string[]): readonly Statement[];
  /** A region in which nothing is recorded. */
  unrecorded(region: Region, targets: readonly Value[], location: Location): Statement;
  locationIndex(location: Location): number;
}

/** What an op becomes where the registry's `calls` do not say it. */
export type OpEmitter = (op: Op, emit: Emitting) => readonly Statement[];

/** An op whose only result is an expression. */
const expression =
  (text: (op: Op, emit: Emitting) => string): OpEmitter =>
  (op, emit) => [assign(local(op.results[0]!), text(op, emit), op.location)];

/** A call of a function of `f2c_host/lower/runtime_functions.py`. */
const helper = (name: string): OpEmitter =>
  expression(({ operands }) => `${name}(${operands.map((value) => local(value!)).join(", ")})`);

const storageName = ({ attributes }: Op) => attributes.name as string;

export const SPECIAL_OPS: Readonly<Record<string, OpEmitter>> = {
  constant: expression(constantText),
  state: expression((op, emit) => emit.storage(storageName(op))),
  group: expression((op, emit) => listOf(emit.group(storageName(op)).map((name) => emit.storage(name)))),
  gradients: helper("gradients"),
  foreach_norm: helper("foreach_norm"),
  foreach_restore_: ({ operands, location }, emit) => {
    const args = operands.map((value) => local(value!)).join(", ");
    return [emit.write({ text: `foreach_restore_(${args})`, location })];
  },
  leaf: expression(({ operands }) => `aten__requires_grad_(aten__detach(${local(operands[0]!)}))`),
  vjp: vectorJacobianProduct,

  remat: (op, emit) => emit.region(op.regions[0]!, op.results.map(local)),

  no_grad: ({ regions: [region], results, location }, emit) => [emit.unrecorded(region!, results, location)],

  if: (op, emit) => {
    const { location, regions } = op;
    const [body, otherwise] = regions.map((region) =>
      orPass(emit.region(region, op.results.map(local)), location),
    );
    return [{ text: `if ${local(op.operands[0]!)}`, location, body: body!, otherwise: otherwise! }];
  },

  for: (op, emit) => {
    const [count, ...initial] = op.operands as readonly Value[];
    const [index, ...carried] = op.regions[0]!.args;
    const text = `for ${local(index!)} in range(${local(count!)})`;
    const body = orPass(emit.region(op.regions[0]!, carried.map(local)), op.location);
    return looped(op, initial, carried, [{ text, location: op.location, body }]);
  },

  while: (op, emit) => {
    const { location } = op;
    const [condition, turn] = op.regions;
    const carried = turn!.args;
    const asked = condition!.args;
    const test = `w${emit.locationIndex(location)}_${asked[0] ? local(asked[0]) : "x"}`;
    const ask = [...assignAll(asked, carried, op), ...emit.region(condition!, [test])];
    const body = emit.region(turn!, carried.map(local));
    const loop = { text: `while ${test}`, location, body: [...body, ...ask] };
    return looped(op, op.operands as readonly Value[], carried, [...ask, loop]);
  },
};

function constantText({ attributes: { value }, results }: Op): string {
  const type = results[0]!.type;
  if (type.kind === "scalar" && typeof value === "number") {
    if (type.scalar === "f64") return realLiteral(value);
    if (type.scalar === "i64") return wholeLiteral(value);
  }
  return literal(value!);
}

/** One call gives the gradients of the group's members and of the leaves, in one list. */
function vectorJacobianProduct({ operands, attributes, results, location }: Op): readonly Statement[] {
  const [parameters, ...values] = operands.map((value) => local(value!));
  const n = attributes.outputs as number;
  const lists = [values.slice(0, n), values.slice(n, 2 * n)].map(listOf);
  const retain = attributes.retain === true ? "True" : "False";
  const [group, ...leaves] = results.map(local);
  const all = `${group}_all`;
  const call = `vjp(${[...lists, parameters, listOf(values.slice(2 * n)), retain].join(", ")})`;
  return [
    assign(all, call, location),
    assign(group!, `${all}[:len(${parameters})]`, location),
    ...leaves.map((leaf, i) => assign(leaf, `${all}[len(${parameters}) + ${i}]`, location)),
  ];
}

/** A loop between its carried values' start and its results. */
const looped = (op: Op, initial: readonly Value[], carried: readonly Value[], loop: readonly Statement[]) => [
  ...assignAll(carried, initial, op),
  ...loop,
  ...assignAll(op.results, carried, op),
];

const assignAll = (targets: readonly Value[], values: readonly Value[], { location }: Op) =>
  targets.map((target, i) => assign(local(target), local(values[i]!), location));
