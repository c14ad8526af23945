/** @file Which virtual column each identity of a step has, and which of them keep it. */
import { experimentError } from "../core/errors.js";
import { randomBelow } from "./counter-random.js";

const STREAM = 0x76666321;

export interface VirtualColumns {
  /** The columns of the step's identities, in the order of their first rows; then the spill column `columns` up to length n. */
  readonly touched: Int32Array;
  /** For each of them, whether what it gets stays: not where two identities would share a column and this one moved aside. */
  readonly kept: Uint8Array;
  /** The column of each row, and where in `touched` it stands. */
  readonly target: Int32Array;
  readonly place: Int32Array;
}

/**
 * Columns for rows of these labels: identity i has column i mod `columns`, and where another identity of the step has it already, a random
 * one that is free, for this step only.
 */
export function virtualColumns(
  columns: number,
  labels: Int32Array,
  seed: number,
  step: number,
): VirtualColumns {
  const n = labels.length;
  const people = [...new Set(labels)];
  if (people.length > columns)
    throw experimentError("too-few-columns", { columns, identities: people.length });
  const columnOf = new Map<number, number>();
  const taken = new Set<number>();
  for (const who of people)
    if (!taken.has(who % columns)) {
      columnOf.set(who, who % columns);
      taken.add(who % columns);
    }
  let draws = step * n;
  const free = (): number => {
    for (;;) {
      const column = randomBelow(columns, seed, STREAM, draws++);
      if (!taken.has(column)) return column;
    }
  };
  const kept = new Uint8Array(n);
  const touched = new Int32Array(n).fill(columns);
  const placeOf = new Map<number, number>();
  for (const [i, who] of people.entries()) {
    kept[i] = columnOf.has(who) ? 1 : 0;
    touched[i] = columnOf.get(who) ?? free();
    taken.add(touched[i]!);
    placeOf.set(who, i);
  }
  const place = labels.map((who) => placeOf.get(who)!);
  return { touched, kept, place, target: place.map((at) => touched[at]!) };
}
