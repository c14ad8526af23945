/**
 * @file Items and fields of what is a list or a record, or a JavaScript value that is one.
 *
 *     TypeScript in               out
 *     [a, b], a list              its operands
 *     [64, 128], known now        the numbers as operands
 *     { net }.net                 the module
 */
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { liveness } from "../refusals/captures.js";
import { refuseUnrepeatable } from "../refusals/once.js";
import { streamNotGiven } from "../refusals/streams.js";
import { describe } from "../refusals/words.js";
import { callNow } from "./call-now.js";
import { wrapped } from "./modules.js";
import { fixed, isTensor, NOTHING, type Operand } from "./operand.js";

/** The items of a list, of a build-time array or of a string. */
export function itemsOf(lowering: Lowering, value: Operand): readonly Operand[] | undefined {
  if (value.kind === "list") return value.items;
  const known = value.kind === "static" ? value.value : undefined;
  if (Array.isArray(known) || ArrayBuffer.isView(known) || typeof known === "string")
    return Array.from(known as Iterable<unknown>, (item) => wrapped(lowering, item));
  return undefined;
}

/** The fields of a record, or of a build-time object. */
export function fieldsOf(lowering: Lowering, value: Operand): ReadonlyMap<string, Operand> | undefined {
  if (value.kind === "record") return value.fields;
  if (value.kind === "static" && typeof value.value === "object" && value.value !== null) {
    return new Map(Object.entries(value.value).map(([name, v]) => [name, wrapped(lowering, v)]));
  }
  return undefined;
}

export function fieldOf(lowering: Lowering, value: Operand, name: string, node: ts.Node): Operand {
  if (value.kind === "record")
    return value.fields.get(name) ?? (value === lowering.batch ? streamNotGiven(name) : NOTHING);
  if (value.kind === "static" && value.value !== null && value.value !== undefined) {
    const { result: field, asked } = readNow(value.value, name);
    if (asked !== undefined) refuseUnrepeatable(lowering, node, asked);
    const live = liveness(node.getText(), field);
    if (live) lowering.refuseAs(node, live);
    return wrapped(lowering, field);
  }
  if (value.kind === "list")
    return name === "length" ? fixed(value.items.length) : (value.items[Number(name)] ?? NOTHING);
  return lowering.refuse(node, `not-a-collection.${isTensor(value) ? "tensor-field" : "field"}`, {
    operand: describe(value),
    name,
  });
}

/** A field of a build-time value; one that is computed when it is read is watched. */
function readNow(owner: unknown, name: string): { result: unknown; asked?: string | undefined } {
  const read = () => (owner as Record<string, unknown>)[name];
  return Object.getOwnPropertyDescriptor(owner, name)?.get ? callNow(read) : { result: read() };
}

/** More turns than this of a loop whose bounds are known now: almost surely a mistake, and a program nobody can read. */
export const MAX_UNROLL = 4096;

export const iterate = (lowering: Lowering, operand: Operand): readonly Operand[] | undefined =>
  operand.kind === "static" &&
  operand.value !== null &&
  operand.value !== undefined &&
  Symbol.iterator in Object(operand.value)
    ? taken(lowering, operand.value as Iterable<unknown>)
    : undefined;

/** What something that is looped over gives, a little more than a loop may have turns at most: it may have no end. */
export function taken(lowering: Lowering, from: Iterable<unknown>): readonly Operand[] {
  const items: Operand[] = [];
  for (const item of from) if (items.push(wrapped(lowering, item)) > MAX_UNROLL) break;
  return items;
}
