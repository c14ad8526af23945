/**
 * @file Lists of numbers that are known now, as a tensor of the program.
 *
 *     TypeScript in                           IR out
 *     ops.tensor([[1, 2], [3, 4]], "i64")     %t = tensor(values = [1, 2, 3, 4], shape = [2, 2], dtype = "i64") : i64[2, 2]
 */
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { describe } from "../refusals/words.js";
import { isStatic, type Operand, staticValue } from "../values/operand.js";

/** The numbers of a list, row by row, and how long it is in each dimension. */
export interface NumberList {
  readonly values: readonly number[];
  readonly shape: readonly number[];
}

/** Reads a list, in lists of one length or not in any; a captured typed array is one too. */
export function numberList(lowering: Lowering, node: ts.Node, operand: Operand): NumberList {
  const late = operand.kind === "list" ? firstLate(operand) : isStatic(operand) ? undefined : operand;
  if (late) lowering.refuse(node, "not-a-list-of-numbers.late", { operand: describe(late) });
  const value = staticValue(operand);
  const given = listOf(value);
  if (!given) return lowering.refuse(node, "not-a-list-of-numbers", { operand: describe(operand) });
  const shape: number[] = [];
  for (let first: unknown = given; listOf(first); first = listOf(first)![0])
    shape.push(listOf(first)!.length);
  const values: number[] = [];
  const read = (item: unknown, depth: number): void => {
    const items = listOf(item);
    if (items ? items.length !== shape[depth] : depth !== shape.length)
      lowering.refuse(node, "not-a-list-of-numbers.ragged", {});
    if (items) for (const each of items) read(each, depth + 1);
    else if (typeof item === "boolean") values.push(item ? 1 : 0);
    else if (typeof item === "number" && Number.isFinite(item)) values.push(item);
    else lowering.refuse(node, "not-a-list-of-numbers.item", { item: spelled(item) });
  };
  read(given, 0);
  return { values, shape };
}

/** The first part of a list that is not known now. */
function firstLate(operand: Operand): Operand | undefined {
  if (operand.kind !== "list") return isStatic(operand) ? undefined : operand;
  for (const item of operand.items) {
    const late = firstLate(item);
    if (late) return late;
  }
  return undefined;
}

const listOf = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value)
    ? value
    : ArrayBuffer.isView(value) && !(value instanceof DataView)
      ? [...(value as unknown as Iterable<unknown>)]
      : undefined;

const spelled = (item: unknown): string =>
  typeof item === "string" ? `the string ${JSON.stringify(item)}` : `${item}`;
