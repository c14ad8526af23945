/**
 * @file What is assigned to: names and patterns of names. Values never change in place.
 *
 *     TypeScript in       IR out
 *     [a, b] = [b, a]     nothing: `a` and `b` stand for each other's values
 *     list[0] = x         F2C1030 `list[0]` cannot be assigned
 */
import { ts } from "../../typescript.js";
import { assignedNames } from "../forms/assigned.js";
import { unwrapped } from "../forms/expressions.js";
import type { Lowering } from "../lowering.js";
import { notTakenApart } from "../refusals/collections.js";
import { called, shortly } from "../refusals/words.js";
import { itemsOf } from "../values/collections.js";
import { type Binding, list, NOTHING, type Operand, type Scope } from "../values/operand.js";

const K = ts.SyntaxKind;

/** Refuses to assign to a name that the compiled function does not declare; other targets are left to `assignTo`. */
export function refuseCaptured(lowering: Lowering, target: ts.Expression, scope: Scope): void {
  const inner = unwrapped(target);
  if (!ts.isIdentifier(inner) || scope.find(inner.text)) return;
  lowering.refuse(inner, "assignment-to-capture", { name: inner.text });
}

/** Assignment to a name, or to a pattern of names. */
export function assignTo(lowering: Lowering, target: ts.Expression, value: Operand, scope: Scope): void {
  const inner = unwrapped(target);
  if (ts.isIdentifier(inner)) {
    refuseCaptured(lowering, inner, scope);
    const binding = scope.find(inner.text)!;
    if (value.kind === "value") lowering.builder.rename(value.value, inner.text);
    lowering.assign(binding, value);
    return;
  }
  if (ts.isArrayLiteralExpression(inner)) {
    const items = itemsOf(lowering, value) ?? notTakenApart(lowering, inner, value);
    for (const [i, element] of inner.elements.entries()) {
      if (ts.isOmittedExpression(element)) continue;
      if (ts.isSpreadElement(element)) assignTo(lowering, element.expression, list(items.slice(i)), scope);
      else assignElement(lowering, element, items[i] ?? NOTHING, scope);
    }
    return;
  }
  if (ts.isObjectLiteralExpression(inner))
    lowering.refuse(target, "unsupported-syntax.record-assignment", {});
  if (ts.isElementAccessExpression(inner)) {
    scope.spoil(inner.expression);
    lowering.refuse(target, "assignment-in-place.element", {
      target: called(target),
      list: shortly(inner.expression, "old"),
      index: shortly(inner.argumentExpression, "n"),
    });
  }
  const isField = ts.isPropertyAccessExpression(inner);
  lowering.refuse(target, "assignment-in-place.field", {
    target: called(target),
    record: isField ? shortly(inner.expression, "old") : "old",
    field: isField ? inner.name.text : "name",
  });
}

/** An element of a pattern, with its default: `b = 2`. */
function assignElement(lowering: Lowering, element: ts.Expression, value: Operand, scope: Scope): void {
  const isDefault = ts.isBinaryExpression(element) && element.operatorToken.kind === K.EqualsToken;
  const missing = value.kind === "static" && value.value === undefined;
  const given = isDefault && missing ? lowering.evaluate(element.right, scope) : value;
  assignTo(lowering, isDefault ? element.left : element, given, scope);
}

/** Variables declared outside `node` that something in it assigns to. */
export const assignedIn = (node: ts.Node, scope: Scope): Binding[] => {
  const found = [...assignedNames(node)].map((name) => scope.find(name));
  return [...new Set(found.filter((binding) => binding !== undefined))];
};
