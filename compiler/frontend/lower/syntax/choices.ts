/**
 * @file Choices: `?:`, `if`, and expressions that are written for what they do. One that is known now leaves no trace.
 *
 *     TypeScript in                        IR out
 *     options.wide ? a(x) : b(x)           the ops of one of them
 *     plan.warm ? a(x) : b(x)              %y = if %plan.warm { … yield %a } else { … yield %b }
 */
import type { Value } from "../../../ir/module.js";
import { ts } from "../../typescript.js";
import { unwrapped } from "../forms/expressions.js";
import type { Lowering } from "../lowering.js";
import { type Completion, NORMAL } from "../values/jump-marks.js";
import { NOTHING, type Operand, Scope } from "../values/operand.js";
import { lowerIf } from "../values/regions.js";
import { condition } from "./condition.js";

const K = ts.SyntaxKind;

/** `a ? b : c`. */
export function choose(lowering: Lowering, node: ts.ConditionalExpression, scope: Scope): Operand {
  const test = condition(lowering, node.condition, scope);
  if (typeof test === "boolean") return lowering.evaluate(test ? node.whenTrue : node.whenFalse, scope);
  return lowerIf(
    lowering,
    node,
    test,
    () => lowering.evaluate(node.whenTrue, scope),
    () => lowering.evaluate(node.whenFalse, scope),
  );
}

/** An expression whose value is not used, only what it does: `a && f()` is then an `if`. */
export function effect(lowering: Lowering, node: ts.Expression, scope: Scope): void {
  if (ts.isConditionalExpression(node)) {
    const decided = condition(lowering, node.condition, scope);
    const arm = (taken: ts.Expression) => (): Operand => {
      lowering.effect(unwrapped(taken), scope);
      return NOTHING;
    };
    const [then, otherwise] = [arm(node.whenTrue), arm(node.whenFalse)];
    if (typeof decided !== "boolean") lowerIf(lowering, node, decided, then, otherwise);
    else if (decided) then();
    else otherwise();
    return;
  }
  const operator = ts.isBinaryExpression(node) ? node.operatorToken.kind : undefined;
  if (operator !== K.AmpersandAmpersandToken && operator !== K.BarBarToken) {
    lowering.evaluate(node, scope);
    return;
  }
  const { left, right } = node as ts.BinaryExpression;
  const and = operator === K.AmpersandAmpersandToken;
  const test = condition(lowering, left, scope);
  const taken = (): Operand => {
    lowering.effect(unwrapped(right), scope);
    return NOTHING;
  };
  const not = () => NOTHING;
  if (typeof test !== "boolean") lowerIf(lowering, node, test, and ? taken : not, and ? not : taken);
  else if (test === and) taken();
}

/** An `if` whose condition is evaluated already, and in which no run-time condition jumps. */
export function ifStatement(
  lowering: Lowering,
  node: ts.IfStatement,
  test: boolean | Value,
  scope: Scope,
  tail: boolean,
): Completion {
  const { thenStatement, elseStatement } = node;
  if (typeof test === "boolean") {
    const taken = test ? thenStatement : elseStatement;
    return taken ? lowering.run([taken], scope, tail) : NORMAL;
  }
  const arm = (statement: ts.Statement | undefined) => (): Operand => {
    if (statement) lowering.run([statement], new Scope(scope));
    return NOTHING;
  };
  lowerIf(lowering, node, test, arm(thenStatement), arm(elseStatement));
  return NORMAL;
}
