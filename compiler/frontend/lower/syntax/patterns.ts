/**
 * @file Declarations, and patterns that take lists and records apart.
 *
 *     TypeScript in                        IR out
 *     const [a, { b = 1 }] = pair          nothing: `a` and `b` stand for parts of what `pair` stands for
 */
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { notTakenApart } from "../refusals/collections.js";
import { isIterator } from "../refusals/live.js";
import { fieldOf, fieldsOf, itemsOf, iterate } from "../values/collections.js";
import { list, NOTHING, type Operand, record, type Scope } from "../values/operand.js";

/** Binds the names of a pattern to the parts of `value`. */
export function bindPattern(
  lowering: Lowering,
  pattern: ts.BindingName,
  value: Operand,
  scope: Scope,
  mutable: boolean,
): void {
  if (ts.isIdentifier(pattern)) {
    if (value.kind === "static" && isIterator(value.value))
      lowering.refuse(pattern, "captured-live-object.iterator", { name: pattern.text, what: "an iterator" });
    if (value.kind === "value") lowering.builder.rename(value.value, pattern.text);
    scope.declare(pattern.text, value, mutable, pattern);
    return;
  }
  if (ts.isArrayBindingPattern(pattern)) {
    const items =
      itemsOf(lowering, value) ?? iterate(lowering, value) ?? notTakenApart(lowering, pattern, value);
    pattern.elements.forEach((element, i) => {
      if (ts.isOmittedExpression(element)) return;
      bindElement(
        lowering,
        element,
        element.dotDotDotToken ? list(items.slice(i)) : (items[i] ?? NOTHING),
        scope,
        mutable,
      );
    });
    return;
  }
  if (
    value.kind === "value" ||
    (value.kind === "static" && (value.value === null || value.value === undefined))
  )
    notTakenApart(lowering, pattern, value);
  const taken = new Set<string>();
  for (const element of pattern.elements) {
    if (element.dotDotDotToken) {
      const rest = fieldsOf(lowering, value) ?? notTakenApart(lowering, element, value);
      bindElement(lowering, element, record([...rest].filter(([name]) => !taken.has(name))), scope, mutable);
      continue;
    }
    const key = element.propertyName ?? element.name;
    const name =
      ts.isIdentifier(key) || ts.isStringLiteral(key)
        ? key.text
        : lowering.refuse(key, "computed-member.pattern", {});
    taken.add(name);
    bindElement(lowering, element, fieldOf(lowering, value, name, element), scope, mutable);
  }
}

function bindElement(
  lowering: Lowering,
  element: ts.BindingElement,
  value: Operand,
  scope: Scope,
  mutable: boolean,
): void {
  const absent = value.kind === "static" && value.value === undefined;
  bindPattern(
    lowering,
    element.name,
    absent && element.initializer ? lowering.evaluate(element.initializer, scope) : value,
    scope,
    mutable,
  );
}

export function declareAll(lowering: Lowering, declarations: ts.VariableDeclarationList, scope: Scope): void {
  const mutable = !(declarations.flags & ts.NodeFlags.Const);
  if (!(declarations.flags & ts.NodeFlags.BlockScoped)) lowering.refuse(declarations, "var-declaration", {});
  for (const { name, initializer } of declarations.declarations) {
    bindPattern(
      lowering,
      name,
      initializer ? lowering.evaluate(initializer, scope) : NOTHING,
      scope,
      mutable,
    );
  }
}
