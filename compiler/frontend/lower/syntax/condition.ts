/**
 * @file Conditions: a boolean that is known now, or one of the program. A tensor decides nothing.
 *
 *     TypeScript in          IR out
 *     options.depth > 3      nothing: true or false
 *     plan.n                 %c = scalar_ne(%plan.n, 0)
 *     x.gt(0)                F2C1015 `x.gt(0)` is a tensor bool[4], which cannot be a condition
 */
import type { Value } from "../../../ir/module.js";
import { ts } from "../../typescript.js";
import { outermost } from "../forms/expressions.js";
import type { Lowering } from "../lowering.js";
import { subject } from "../refusals/words.js";
import { isStatic, type Operand, type Scope, staticValue } from "../values/operand.js";
import { truth } from "../values/scalars.js";

const K = ts.SyntaxKind;

/** A condition as a build-time boolean or a run-time one; tensors are refused. */
export function condition(lowering: Lowering, node: ts.Expression, scope: Scope): boolean | Value {
  const value = lowering.evaluate(node, scope);
  if (isStatic(value)) return Boolean(staticValue(value));
  if (value.kind === "value") {
    const { type } = value.value;
    if (type.kind === "scalar") return truth(lowering, node, value.value);
    return refuseCondition(lowering, node, value);
  }
  return true;
}

/** Refuses to decide on a tensor. */
export function refuseCondition(lowering: Lowering, node: ts.Expression, value: Operand): never {
  const decides = outermost(node).parent;
  const tensor = subject(node, value);
  if (ts.isWhileStatement(decides) || ts.isForStatement(decides))
    return lowering.refuse(node, "condition-on-tensor.loop", tensor);
  if (ts.isBinaryExpression(decides))
    return lowering.refuse(node, "condition-on-tensor.logical", {
      ...tensor,
      method: decides.operatorToken.kind === K.BarBarToken ? "or" : "and",
    });
  return lowering.refuse(node, "condition-on-tensor", tensor);
}
