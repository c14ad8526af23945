/**
 * @file Refusals of what is taken apart, spread or read and is no list and no record.
 *
 *     TypeScript in         refused
 *     const [a] = tensor    F2C1016 `tensor` is a tensor f32[4], which cannot be destructured
 *     option.size           F2C2003 `option` is undefined here, so it has no `size`
 */
import { ts } from "../../typescript.js";
import { unwrapped } from "../forms/expressions.js";
import type { Lowering } from "../lowering.js";
import { isTensor, type Operand } from "../values/operand.js";
import { refuseStreamNotGiven } from "./streams.js";
import { called, describe } from "./words.js";

/** Refuses to take apart what is neither a list nor a record. */
export function notTakenApart(lowering: Lowering, node: ts.Node, value: Operand): never {
  const from = sourceOf(node);
  return lowering.refuse(
    from ?? node,
    !isTensor(value)
      ? "not-a-collection.destructured"
      : ts.isObjectBindingPattern(node)
        ? "not-a-collection.tensor-fields-destructured"
        : "not-a-collection.tensor-destructured",
    { expression: from ? called(from) : "this", operand: describe(value) },
  );
}

/** What a pattern takes apart, where that is written beside it. */
const sourceOf = ({ parent }: ts.Node): ts.Expression | undefined =>
  ts.isVariableDeclaration(parent)
    ? parent.initializer
    : ts.isBinaryExpression(parent)
      ? parent.right
      : undefined;

/** Refuses to spread what is neither a list nor a record. */
export const notSpread = (lowering: Lowering, node: ts.Node, value: Operand): never =>
  lowering.refuse(
    node,
    !isTensor(value)
      ? "not-a-collection.spread"
      : ts.isSpreadAssignment(node)
        ? "not-a-collection.tensor-spread-in-record"
        : "not-a-collection.tensor-spread",
    { operand: describe(value) },
  );

/** Refuses a field or a method of null or undefined. */
export function missingMember(
  lowering: Lowering,
  at: ts.Node,
  owner: ts.Expression,
  missing: Operand,
  member: string,
): never {
  refuseStreamNotGiven(lowering, missing, owner);
  return lowering.refuse(at, "member-of-nothing", {
    expression: unwrapped(owner).getText(),
    value: describe(missing),
    member,
  });
}
