/** @file Destructuring of tuples and records. */
import { ts } from "../typescript.js";
import { callNow } from "./call-now.js";
import { liveness } from "./captures.js";
import { evaluate, unrepeatable } from "./expressions.js";
import { isIterator, iterate } from "./loops.js";
import type { Lowerer } from "./lowerer.js";
import { fixed, isTensor, list, NOTHING, type Operand, record } from "./operand.js";
import type { Scope } from "./scope.js";
import { called, describe } from "./words.js";

/** Binds the names of a pattern to the parts of `value`. */
export function bindPattern(
  lowerer: Lowerer,
  pattern: ts.BindingName,
  value: Operand,
  scope: Scope,
  mutable: boolean,
): void {
  if (ts.isIdentifier(pattern)) {
    if (value.kind === "static" && isIterator(value.value))
      lowerer.refuse(pattern, "captured-live-object.iterator", { name: pattern.text, what: "an iterator" });
    if (value.kind === "value") lowerer.builder.rename(value.value, pattern.text);
    scope.declare(pattern.text, value, mutable, pattern);
    return;
  }
  if (ts.isArrayBindingPattern(pattern)) {
    const items =
      itemsOf(lowerer, value) ?? iterate(lowerer, value) ?? notTakenApart(lowerer, pattern, value);
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
  if (
    value.kind === "value" ||
    (value.kind === "static" && (value.value === null || value.value === undefined))
  )
    notTakenApart(lowerer, pattern, value);
  const taken = new Set<string>();
  for (const element of pattern.elements) {
    if (element.dotDotDotToken) {
      const rest = fieldsOf(lowerer, value) ?? notTakenApart(lowerer, element, value);
      bindElement(lowerer, element, record([...rest].filter(([name]) => !taken.has(name))), scope, mutable);
      continue;
    }
    const key = element.propertyName ?? element.name;
    const name =
      ts.isIdentifier(key) || ts.isStringLiteral(key)
        ? key.text
        : lowerer.refuse(key, "computed-member.pattern", {});
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

/** The items of a list, of a build-time array or of a string. */
export function itemsOf(lowerer: Lowerer, value: Operand): readonly Operand[] | undefined {
  if (value.kind === "list") return value.items;
  const known = value.kind === "static" ? value.value : undefined;
  if (Array.isArray(known) || ArrayBuffer.isView(known) || typeof known === "string")
    return Array.from(known as Iterable<unknown>, (item) => lowerer.wrap(item));
  return undefined;
}

/** The fields of a record, or of a build-time object. */
export function fieldsOf(lowerer: Lowerer, value: Operand): ReadonlyMap<string, Operand> | undefined {
  if (value.kind === "record") return value.fields;
  if (value.kind === "static" && typeof value.value === "object" && value.value !== null) {
    return new Map(Object.entries(value.value).map(([name, v]) => [name, lowerer.wrap(v)]));
  }
  return undefined;
}

export function fieldOf(lowerer: Lowerer, value: Operand, name: string, node: ts.Node): Operand {
  if (value.kind === "record")
    return value.fields.get(name) ?? (value === lowerer.batch ? lowerer.streamNotGiven(name) : NOTHING);
  if (value.kind === "static" && value.value !== null && value.value !== undefined) {
    const { result: field, asked } = readNow(value.value, name);
    if (asked !== undefined) unrepeatable(lowerer, node, asked);
    const live = liveness(node.getText(), field);
    if (live) lowerer.refuseAs(node, live);
    return lowerer.wrap(field);
  }
  if (value.kind === "list")
    return name === "length" ? fixed(value.items.length) : (value.items[Number(name)] ?? NOTHING);
  return lowerer.refuse(node, `not-a-collection.${isTensor(value) ? "tensor-field" : "field"}`, {
    operand: describe(value),
    name,
  });
}

/** Refuses to use an object that lives on in Node; `look`: whether it is one, or holds one. */
export function refuseLive(lowerer: Lowerer, node: ts.Node, operand: Operand, look = liveness): void {
  // What keys() gives is used up where it stands; under a name it is refused.
  if (operand.kind === "static" && isIterator(operand.value)) return;
  const live = operand.kind === "static" ? look(called(node).replaceAll("`", ""), operand.value) : undefined;
  if (live) lowerer.refuseAs(node, live);
}

/** A field of a build-time value; one that is computed when it is read is watched. */
function readNow(owner: unknown, name: string): { result: unknown; asked?: string | undefined } {
  const read = () => (owner as Record<string, unknown>)[name];
  return Object.getOwnPropertyDescriptor(owner, name)?.get ? callNow(read) : { result: read() };
}

/** Refuses to take apart what is neither a list nor a record. */
export function notTakenApart(lowerer: Lowerer, node: ts.Node, value: Operand): never {
  const from = sourceOf(node);
  return lowerer.refuse(
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
export const notSpread = (lowerer: Lowerer, node: ts.Node, value: Operand): never =>
  lowerer.refuse(
    node,
    !isTensor(value)
      ? "not-a-collection.spread"
      : ts.isSpreadAssignment(node)
        ? "not-a-collection.tensor-spread-in-record"
        : "not-a-collection.tensor-spread",
    { operand: describe(value) },
  );
