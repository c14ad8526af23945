/**
 * @file Operators that a tensor is a side of: what to write instead. TypeScript's types and the lowering say the same.
 *
 *     TypeScript in     refused, with the hint
 *     2 - x             use the method: x.rsub(2) is 2 - x
 *     x += y            use the method: x = x.add(y)
 */
import { OPS } from "../../../registry/index.js";
import { ts } from "../../typescript.js";
import { isCondition, unwrapped } from "../forms/expressions.js";
import { COMPOUND, OPERATORS } from "../forms/operators.js";
import { shortly } from "./words.js";

const K = ts.SyntaxKind;

const COMPARISONS = new Set(["lt", "le", "gt", "ge", "eq", "ne"]);

const methodWritten = (node: ts.Expression, tensor: number, method: string): string =>
  /: (.*)$/.exec(methodInstead(node, tensor, method))?.[1] ?? "condition";

/** An operator that a tensor is a side of: its sign, what it is for, and what to write instead. */
export function insteadOfOperator(
  node: ts.BinaryExpression | ts.PrefixUnaryExpression,
  kind: ts.SyntaxKind,
  tensor: number,
): { readonly operator: string; readonly kinds: string; readonly hint: string } | undefined {
  const operator = ts.tokenToString(kind) ?? "";
  if (ts.isPrefixUnaryExpression(node)) {
    const method = kind === K.MinusToken ? "neg" : kind === K.ExclamationToken ? "logical_not" : undefined;
    return {
      operator,
      kinds: kind === K.ExclamationToken ? "booleans" : "numbers",
      hint: method
        ? `use the method: ${receiver(node.operand)}.${method}()`
        : "leave the operator out; docs/ops.md lists the methods of tensors",
    };
  }
  const method = OPERATORS[COMPOUND[kind] ?? kind]?.method;
  if (method === undefined) return undefined;
  const hint =
    isCondition(node) && COMPARISONS.has(method)
      ? `a tensor decides nothing here: choose with ops.where(${methodWritten(node, tensor, method)}, a, b), or decide in the plan`
      : `${methodInstead(node, tensor, method)}`;
  return { operator, kinds: "numbers", hint };
}

/** What to write for `x * 2` or, with the tensor on the right, for `2 * x`. */
export function methodInstead(node: ts.Expression, tensor: number, method: string): string {
  if (!OPS.get(method)?.method) return "tensors have no such method; docs/ops.md lists those that they have";
  if (!ts.isBinaryExpression(node)) return `use the method: x.${method}(…)`;
  const [left, right] = [node.left, node.right];
  const assigned = COMPOUND[node.operatorToken.kind] === undefined ? "" : `${shortly(left, "x")} = `;
  if (tensor === 0) return `use the method: ${assigned}${receiver(left)}.${method}(${receiver(right, "…")})`;
  const turned = TURNED[method];
  const said = `${receiver(left, "…")} ${node.operatorToken.getText()} ${receiver(right, "x")}`;
  if (turned !== undefined)
    return `use the method: ${receiver(right)}.${turned}(${receiver(left, "…")})${turned === method ? "" : ` is ${said}`}`;
  if (method === "div")
    return `write it with methods: ${receiver(right)}.pow(-1).mul(${receiver(left, "…")})`;
  if (method === "pow")
    return `write it with methods: ${receiver(right)}.mul(Math.log(${receiver(left, "…")})).exp()`;
  return "only a method of the left side does this; docs/ops.md lists the methods of tensors";
}

/** An operand as code in hints: as it is written where that is short and needs no parentheses. */
function receiver(node: ts.Expression, otherwise = "x"): string {
  const inner = unwrapped(node);
  const text = inner.getText();
  const simple =
    ts.isIdentifier(inner) ||
    ts.isPropertyAccessExpression(inner) ||
    ts.isCallExpression(inner) ||
    ts.isNumericLiteral(inner);
  return simple && text.length <= 30 && !text.includes("\n") ? text : otherwise;
}

/** The method that does with its sides exchanged what the operator does. */
const TURNED: Readonly<Record<string, string>> = {
  ...{ add: "add", sub: "rsub", mul: "mul", eq: "eq", ne: "ne" },
  ...{ lt: "gt", le: "ge", gt: "lt", ge: "le" },
};
