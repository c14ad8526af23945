/**
 * @file What an expression may stand for while a function is lowered, and the names that stand for it. The two are in one file,
 * as a function that is written in another holds the names around it.
 *
 *     TypeScript in         operand
 *     2 ** 3                known now: 8
 *     x.mul(2)              a value of the program: %y
 *     { net, scale }        a record of a module and a number
 */
import type { Module, Twin } from "../../../../dsl/index.js";
import type { Span } from "../../../diagnostics/diagnostic.js";
import type { Dim } from "../../../ir/dim.js";
import type { Value } from "../../../ir/module.js";
import { ts } from "../../typescript.js";
import type { FunctionSource } from "../function-source.js";

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

/** What a name of a size stands for, and where it was first seen to. */
export interface BoundSize {
  readonly dim: Dim;
  readonly span: Span;
}

/** Names of sizes in one call of a function. */
export type BoundSizes = Map<string, BoundSize>;

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

export interface Binding {
  readonly name: string;
  readonly mutable: boolean;
  readonly declaration: ts.Node;
  /** Bindings count up as they are made: one made inside a branch is newer than the branch. */
  readonly serial: number;
  current: Operand;
  /** A mark that the compiler made, not a variable of the program's author. */
  readonly hidden?: true;
}

let serials = 0;

/** A lexical scope. Assignments go through a journal, so that a branch can be lowered and its effects taken back. */
export class Scope {
  private readonly bindings = new Map<string, Binding>();

  constructor(
    readonly parent: Scope | undefined,
    /** Resolves names that no scope binds: the captures of the function. */
    readonly outside: ((name: string, node: ts.Node) => Operand | undefined) | undefined = undefined,
  ) {}

  declare(name: string, current: Operand, mutable: boolean, declaration: ts.Node): Binding {
    const binding = { name, mutable, declaration, current, serial: serials++ };
    this.bindings.set(name, binding);
    return binding;
  }

  /** The same names with what they stand for now, to go their own way from here. */
  copy(): Scope {
    const copy = new Scope(this.parent, this.outside);
    for (const { name, current, mutable, declaration } of this.bindings.values())
      copy.declare(name, current, mutable, declaration);
    return copy;
  }

  /** The binding of a name that this scope itself declares. */
  own(name: string): Binding | undefined {
    return this.bindings.get(name);
  }

  find(name: string): Binding | undefined {
    return this.bindings.get(name) ?? this.parent?.find(name);
  }

  /** A variable about which something was refused: what is done with it later is not looked at. */
  spoil(node: ts.Expression): void {
    const binding = ts.isIdentifier(node) ? this.find(node.text) : undefined;
    if (binding) binding.current = { kind: "poison" };
  }

  /** The captured value of a name that no scope binds. */
  capture(name: string, node: ts.Node): Operand | undefined {
    return this.outside ? this.outside(name, node) : this.parent?.capture(name, node);
  }
}

/** What bindings were before a branch began. */
export class Journal {
  private readonly before = new Map<Binding, Operand>();
  private readonly since = serials;

  assign(binding: Binding, value: Operand): void {
    if (!this.before.has(binding)) this.before.set(binding, binding.current);
    binding.current = value;
  }

  /** Undoes the assignments; returns what they had made of each binding. */
  takeBack(): Map<Binding, Operand> {
    const outer = [...this.before.keys()].filter((binding) => binding.serial < this.since);
    const after = new Map(outer.map((binding) => [binding, binding.current]));
    for (const [binding, value] of this.before) binding.current = value;
    return after;
  }
}
