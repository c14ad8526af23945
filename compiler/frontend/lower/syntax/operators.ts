/**
 * @file Operators as they are written: which side is evaluated when, and what is assigned.
 *
 *     TypeScript in       IR out
 *     n * 2 + 1           %a = scalar_mul(%n, 2);  %b = scalar_add(%a, 1)
 *     n += 1              %n' = scalar_add(%n, 1), and `n` stands for it from here
 *     a && b              %c = if %a { … yield %b } else { yield false }
 */
import type { Value } from "../../../ir/module.js";
import { ts } from "../../typescript.js";
import { COMPOUND } from "../forms/operators.js";
import type { Lowering } from "../lowering.js";
import { shortly, subject } from "../refusals/words.js";
import { applyBinary, applyUnary } from "../values/arithmetic.js";
import { fixed, isStatic, type Operand, type Scope, staticValue } from "../values/operand.js";
import { lowerIf } from "../values/regions.js";
import { scalarKind } from "../values/scalars.js";
import { refuseCondition } from "./condition.js";
import { assignTo, refuseCaptured } from "./targets.js";

const K = ts.SyntaxKind;

export function binary(lowering: Lowering, node: ts.BinaryExpression, scope: Scope): Operand {
  const operator = node.operatorToken.kind;
  if (operator === K.EqualsToken) {
    const value = lowering.evaluate(node.right, scope);
    assignTo(lowering, node.left, value, scope);
    return value;
  }
  const logical = LOGICAL[operator];
  if (logical !== undefined) {
    refuseCaptured(lowering, node.left, scope);
    const value = shortCircuit(lowering, node, logical, scope);
    assignTo(lowering, node.left, value, scope);
    return value;
  }
  const compound = COMPOUND[operator];
  if (compound !== undefined) {
    refuseCaptured(lowering, node.left, scope);
    const value = applyBinary(
      lowering,
      node,
      compound,
      lowering.evaluate(node.left, scope),
      lowering.evaluate(node.right, scope),
    );
    assignTo(lowering, node.left, value, scope);
    return value;
  }
  if (
    operator === K.AmpersandAmpersandToken ||
    operator === K.BarBarToken ||
    operator === K.QuestionQuestionToken
  )
    return shortCircuit(lowering, node, operator, scope);
  if (operator === K.CommaToken) {
    lowering.evaluate(node.left, scope);
    return lowering.evaluate(node.right, scope);
  }
  return applyBinary(
    lowering,
    node,
    operator,
    lowering.evaluate(node.left, scope),
    lowering.evaluate(node.right, scope),
  );
}

const LOGICAL: Partial<Record<ts.SyntaxKind, ShortCircuit>> = {
  [K.AmpersandAmpersandEqualsToken]: K.AmpersandAmpersandToken,
  [K.BarBarEqualsToken]: K.BarBarToken,
  [K.QuestionQuestionEqualsToken]: K.QuestionQuestionToken,
};

export function unary(
  lowering: Lowering,
  node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression,
  scope: Scope,
): Operand {
  if (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken)
    refuseCaptured(lowering, node.operand, scope);
  const value = lowering.evaluate(node.operand, scope);
  if (node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken) {
    const next = applyBinary(
      lowering,
      node,
      node.operator === K.PlusPlusToken ? K.PlusToken : K.MinusToken,
      value,
      fixed(1),
    );
    assignTo(lowering, node.operand, next, scope);
    return ts.isPrefixUnaryExpression(node) ? next : value;
  }
  return applyUnary(lowering, node, node.operator, value);
}

/** An operator whose right side may not be evaluated. */
export type ShortCircuit =
  | ts.SyntaxKind.AmpersandAmpersandToken
  | ts.SyntaxKind.BarBarToken
  | ts.SyntaxKind.QuestionQuestionToken;

/** `&&`, `||`, `??`: the right side is evaluated only where it counts. */
export function shortCircuit(
  lowering: Lowering,
  node: ts.BinaryExpression,
  operator: ShortCircuit,
  scope: Scope,
): Operand {
  const left = lowering.evaluate(node.left, scope);
  if (operator === K.QuestionQuestionToken) {
    const absent = left.kind === "static" && (left.value === null || left.value === undefined);
    return absent ? lowering.evaluate(node.right, scope) : left;
  }
  const and = operator === K.AmpersandAmpersandToken;
  if (isStatic(left)) return Boolean(staticValue(left)) === and ? lowering.evaluate(node.right, scope) : left;
  if (scalarKind(left) !== "bool") {
    if (left.kind !== "value") return and ? lowering.evaluate(node.right, scope) : left;
    if (scalarKind(left) !== undefined)
      return lowering.refuse(node.left, "wrong-kind.boolean", {
        ...subject(node.left, left),
        written: shortly(node.left, "x"),
      });
    return refuseCondition(lowering, node.left, left);
  }
  const test = (left as { value: Value }).value;
  const right = () => lowering.evaluate(node.right, scope);
  return and
    ? lowerIf(lowering, node, test, right, () => fixed(false))
    : lowerIf(lowering, node, test, () => fixed(true), right);
}
