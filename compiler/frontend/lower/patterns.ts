/** @file Destructuring of tuples and records. */
import { ts } from "ts-morph";
import { evaluate } from "./expressions.js";
import type { Lowerer } from "./lowerer.js";
import { describe } from "./lowerer.js";
import { fixed, list, NOTHING, type Operand, record } from "./operand.js";
import type { Scope } from "./scope.js";

/** Binds the names of a pattern to the parts of `value`. */
export function bindPattern(
  lowerer: Lowerer,
  pattern: ts.BindingName,
  value: Operand,
  scope: Scope,
  mutable: boolean,
): void {
  if (ts.isIdentifier(pattern)) {
    if (value.kind === "value") lowerer.builder.rename(value.value, pattern.text);
    scope.declare(pattern.text, value, mutable, pattern);
    return;
  }
  if (ts.isArrayBindingPattern(pattern)) {
    const items =
      itemsOf(value) ??
      lowerer.refuse(pattern, "F2C1016", `${describe(value)} cannot be taken apart as a list`);
    pattern.elements.forEach((element, i) => {
      if (ts.isOmittedExpression(element)) return;
      bindElement(
        lowerer,
        element,
        element.dotDotDotToken ? list(items.slice(i)) : (items[i] ?? NOTHING),
        scope,
        mutable,
      );
    });
    return;
  }
  const taken = new Set<string>();
  for (const element of pattern.elements) {
    if (element.dotDotDotToken) {
      const rest = fieldsOf(value) ?? lowerer.refuse(element, "F2C1016", `${describe(value)} has no fields`);
      bindElement(lowerer, element, record([...rest].filter(([name]) => !taken.has(name))), scope, mutable);
      continue;
    }
    const key = element.propertyName ?? element.name;
    const name =
      ts.isIdentifier(key) || ts.isStringLiteral(key)
        ? key.text
        : lowerer.refuse(element, "F2C1016", "a computed name in a pattern cannot be compiled");
    taken.add(name);
    bindElement(lowerer, element, fieldOf(lowerer, value, name, element), scope, mutable);
  }
}

function bindElement(
  lowerer: Lowerer,
  element: ts.BindingElement,
  value: Operand,
  scope: Scope,
  mutable: boolean,
): void {
  const absent = value.kind === "static" && value.value === undefined;
  bindPattern(
    lowerer,
    element.name,
    absent && element.initializer ? evaluate(lowerer, element.initializer, scope) : value,
    scope,
    mutable,
  );
}

/** The items of a list, or of a build-time array. */
export function itemsOf(value: Operand): readonly Operand[] | undefined {
  if (value.kind === "list") return value.items;
  if (value.kind === "static" && (Array.isArray(value.value) || ArrayBuffer.isView(value.value)))
    return Array.from(value.value as unknown[], fixed);
  return undefined;
}

/** The fields of a record, or of a build-time object. */
export function fieldsOf(value: Operand): ReadonlyMap<string, Operand> | undefined {
  if (value.kind === "record") return value.fields;
  if (value.kind === "static" && typeof value.value === "object" && value.value !== null) {
    return new Map(Object.entries(value.value).map(([name, v]) => [name, fixed(v)]));
  }
  return undefined;
}

export function fieldOf(lowerer: Lowerer, value: Operand, name: string, node: ts.Node): Operand {
  if (value.kind === "record") return value.fields.get(name) ?? NOTHING;
  if (value.kind === "static" && value.value !== null && value.value !== undefined)
    return lowerer.wrap((value.value as Record<string, unknown>)[name]);
  if (value.kind === "list") return name === "length" ? fixed(value.items.length) : NOTHING;
  return lowerer.refuse(node, "F2C1016", `${describe(value)} has no field \`${name}\``);
}
