/** @file What an expression of a compiled function may be while it is being lowered. */
import type { Module, Twin } from "../../../dsl/index.js";
import type { Value } from "../../ir/module.js";
import type { BoundSizes } from "./checked-cast.js";
import type { FunctionSource } from "./function-source.js";
import type { Scope } from "./scope.js";

/** A module with the place of its parameters: `probe.blocks.0`. A twin's lie elsewhere and get no gradient. */
export interface ModuleOperand {
  readonly kind: "module";
  readonly module: Module;
  /** Maps a storage's own name to the one meant here: a twin's `probe.x` is `gallery.x`. */
  readonly rename: (name: string) => string;
  readonly twin: Twin | undefined;
}

export type Operand =
  /** Known while the program is built: any JavaScript value. */
  | { readonly kind: "static"; readonly value: unknown }
  /** Known when it runs: a tensor, a scalar, a group. */
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "list"; readonly items: readonly Operand[] }
  | { readonly kind: "record"; readonly fields: ReadonlyMap<string, Operand> }
  | ModuleOperand
  /** A function written inside a compiled function. */
  | {
      readonly kind: "closure";
      readonly source: FunctionSource;
      readonly scope: Scope | undefined;
      /** The sizes that names stand for where it is written. */
      readonly sizes: BoundSizes;
    }
  /** A result that no arm has given yet. */
  | { readonly kind: "hole" }
  /** What stands in for an expression that was refused already. */
  | { readonly kind: "poison" };

export const fixed = (value: unknown): Operand => ({ kind: "static", value });
export const dynamic = (value: Value): Operand => ({ kind: "value", value });
export const list = (items: readonly Operand[]): Operand => ({ kind: "list", items });
/** Fields in JavaScript's order: names that are whole numbers first, by size. */
export function record(fields: Iterable<readonly [string, Operand]>): Operand {
  const all = new Map(fields);
  const numbers = [...all.keys()].filter((name) => /^(?:0|[1-9]\d{0,8})$/.test(name));
  if (numbers.length === 0) return { kind: "record", fields: all };
  const sorted = numbers.sort((a, b) => Number(a) - Number(b)).map((name) => [name, all.get(name)!] as const);
  return { kind: "record", fields: new Map([...sorted, ...all]) };
}
export const NOTHING: Operand = fixed(undefined);

const joins = new WeakSet<Operand>();

/** Notes a list or a record that stands for one of several: which of them it is, is known only when the step runs. */
export function joinedOf(operand: Operand): Operand {
  joins.add(operand);
  return operand;
}
export const isJoined = (operand: Operand): boolean => joins.has(operand);

export const isTensor = (operand: Operand): boolean =>
  operand.kind === "value" && operand.value.type.kind === "tensor";

/** Whether everything in it is known at build time. */
export function isStatic(operand: Operand): boolean {
  switch (operand.kind) {
    case "static":
      return true;
    case "list":
      return operand.items.every(isStatic);
    case "record":
      return [...operand.fields.values()].every(isStatic);
    default:
      return false;
  }
}

const values = new WeakMap<Operand, unknown>();

/** The JavaScript value of an operand that `isStatic`: of one operand always the same. */
export function staticValue(operand: Operand): unknown {
  if (operand.kind === "static") return operand.value;
  const known = values.get(operand);
  if (known !== undefined) return known;
  const value = operand.kind === "list" ? operand.items.map(staticValue) : fieldsValue(operand);
  values.set(operand, value);
  return value;
}

function fieldsValue(operand: Operand): unknown {
  if (operand.kind !== "record") throw new Error("internal: not a build-time value");
  return Object.fromEntries([...operand.fields].map(([name, field]) => [name, staticValue(field)]));
}

/** Values in an operand, outermost first, in a fixed order; `rebuild` puts others in their places. */
export function leavesOf(operand: Operand): readonly Operand[] {
  switch (operand.kind) {
    case "list":
      return operand.items.flatMap(leavesOf);
    case "record":
      return [...operand.fields.values()].flatMap(leavesOf);
    default:
      return [operand];
  }
}

export function rebuild(operand: Operand, leaves: Operand[]): Operand {
  switch (operand.kind) {
    case "list":
      return list(operand.items.map((item) => rebuild(item, leaves)));
    case "record":
      return record([...operand.fields].map(([name, field]) => [name, rebuild(field, leaves)] as const));
    default:
      return leaves.shift()!;
  }
}

/** The operand with the fields of its records in the order that they have in another of the same structure. */
export function inOrderOf(like: Operand, operand: Operand): Operand {
  if (like.kind === "list" && operand.kind === "list")
    return list(operand.items.map((item, i) => inOrderOf(like.items[i]!, item)));
  if (like.kind === "record" && operand.kind === "record")
    return record(
      [...like.fields].map(([name, l]) => [name, inOrderOf(l, operand.fields.get(name)!)] as const),
    );
  return operand;
}

/** Whether two operands have the same nesting, so that their leaves correspond. */
export function sameStructure(a: Operand, b: Operand): boolean {
  if (a.kind === "list" && b.kind === "list")
    return a.items.length === b.items.length && a.items.every((x, i) => sameStructure(x, b.items[i]!));
  if (a.kind === "record" && b.kind === "record") {
    const names = [...a.fields.keys()];
    return (
      names.length === b.fields.size &&
      names.every((n) => b.fields.has(n) && sameStructure(a.fields.get(n)!, b.fields.get(n)!))
    );
  }
  const leaf = (o: Operand) => o.kind !== "list" && o.kind !== "record";
  return leaf(a) && leaf(b);
}
