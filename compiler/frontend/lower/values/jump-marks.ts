/**
 * @file How statements end, and the marks that jumps leave where a run-time condition decides about them: hidden variables.
 *
 *     TypeScript in             out
 *     return x;                 { kind: "return", value: %x }
 *     if (plan.p) return x;     `returned` and `result` of the function, joined like variables of its author
 */
import type { ts } from "../../typescript.js";
import { type Binding, fixed, type Operand, Scope } from "./operand.js";

/** How statements ended. */
export type Completion =
  | { readonly kind: "normal" | "break" | "continue" }
  | { readonly kind: "return"; readonly value: Operand };

export const NORMAL: Completion = { kind: "normal" };

/** A variable that the program's author does not see. */
export const hidden = (name: string, node: ts.Node, value: Operand): Binding => ({
  ...new Scope(undefined).declare(name, value, true, node),
  hidden: true,
});

/** Where the jumps out of a function's loops leave their marks. */
export class FunctionJumps {
  readonly loops: LoopJumps[] = [];
  readonly returned: Binding;
  readonly result: Binding;

  constructor(node: ts.Node) {
    this.returned = hidden("returned", node, fixed(false));
    this.result = hidden("result", node, { kind: "hole" });
  }
}

/** Where the jumps in a loop leave their marks. */
export class LoopJumps {
  readonly skipped: Binding;
  readonly left: Binding;

  constructor(readonly node: ts.IterationStatement) {
    this.skipped = hidden("skipped", node, fixed(false));
    this.left = hidden("left", node, fixed(false));
  }
}
