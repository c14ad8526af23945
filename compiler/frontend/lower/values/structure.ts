/**
 * @file The parts of lists and records, however deep: taken out in order, and put back.
 *
 *     operand in                  out
 *     [%a, { b: %b, c: 1 }]       %a, %b, 1
 */
import { list, type Operand, record } from "./operand.js";

/** Values in an operand, outermost first, in a fixed order; `rebuild` puts others in their places. */
export function partsOf(operand: Operand): readonly Operand[] {
  switch (operand.kind) {
    case "list":
      return operand.items.flatMap(partsOf);
    case "record":
      return [...operand.fields.values()].flatMap(partsOf);
    default:
      return [operand];
  }
}

export function rebuild(operand: Operand, parts: Operand[]): Operand {
  switch (operand.kind) {
    case "list":
      return list(operand.items.map((item) => rebuild(item, parts)));
    case "record":
      return record([...operand.fields].map(([name, field]) => [name, rebuild(field, parts)] as const));
    default:
      return parts.shift()!;
  }
}

/** The operand with the fields of its records in the order that they have in another of the same structure. */
export function inOrderOf(like: Operand, operand: Operand): Operand {
  if (like.kind === "list" && operand.kind === "list")
    return list(operand.items.map((item, i) => inOrderOf(like.items[i]!, item)));
  if (like.kind === "record" && operand.kind === "record")
    return record(
      [...like.fields].map(([name, l]) => [name, inOrderOf(l, operand.fields.get(name)!)] as const),
    );
  return operand;
}

/** Whether two operands have the same nesting, so that their parts correspond. */
export function sameStructure(a: Operand, b: Operand): boolean {
  if (a.kind === "list" && b.kind === "list")
    return a.items.length === b.items.length && a.items.every((x, i) => sameStructure(x, b.items[i]!));
  if (a.kind === "record" && b.kind === "record") {
    const names = [...a.fields.keys()];
    return (
      names.length === b.fields.size &&
      names.every((n) => b.fields.has(n) && sameStructure(a.fields.get(n)!, b.fields.get(n)!))
    );
  }
  const part = (o: Operand) => o.kind !== "list" && o.kind !== "record";
  return part(a) && part(b);
}

/** Whether two operands are one list, record, function or module. */
export function isSame(a: Operand, b: Operand): boolean {
  if (a.kind === "module" && b.kind === "module")
    return a.module === b.module && a.twin === b.twin && a.rename("") === b.rename("");
  if (a.kind === "closure" && b.kind === "closure")
    return a.source.node === b.source.node && a.scope === b.scope;
  return a === b && a.kind !== "static" && a.kind !== "value";
}

/** Whether two parts are one value. */
export const isSamePart = (a: Operand, b: Operand): boolean =>
  (a.kind === "static" && b.kind === "static" && Object.is(a.value, b.value)) ||
  (a.kind === "value" && b.kind === "value" && a.value === b.value) ||
  isSame(a, b);
