/**
 * @file Questions about the form of an expression, which need no types and no values.
 *
 *     TypeScript in          out
 *     (x as Features)        x, unwrapped
 *     if ((x > 0))           the condition is `x > 0`, with its parentheses around it
 */
import { ts } from "../../typescript.js";

/** An expression without the parentheses and type assertions around it. */
export function unwrapped(node: ts.Expression): ts.Expression {
  const wraps =
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isTypeAssertionExpression(node);
  return wraps ? unwrapped(node.expression) : node;
}

/** The parentheses and type assertions around an expression, or itself. */
export function outermost(node: ts.Node): ts.Node {
  const { parent } = node;
  return ts.isExpression(parent) && unwrapped(parent) === unwrapped(node as ts.Expression)
    ? outermost(parent)
    : node;
}

/** Whether an expression decides an `if`, a loop, a `?:` or the like. */
export function isCondition(node: ts.Expression): boolean {
  const whole = outermost(node);
  const { parent } = whole;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent)) return parent.expression === whole;
  if (ts.isConditionalExpression(parent) || ts.isForStatement(parent)) return parent.condition === whole;
  return false;
}

/** Whether an expression makes a list or a record that nobody else sees. */
export function isFresh(node: ts.Expression): boolean {
  const inner = unwrapped(node);
  return (
    ts.isArrayLiteralExpression(inner) || ts.isObjectLiteralExpression(inner) || ts.isCallExpression(inner)
  );
}
