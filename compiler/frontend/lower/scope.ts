/** @file Names and what they stand for while a function is lowered. */
import { ts } from "../typescript.js";
import type { Operand } from "./operand.js";

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
