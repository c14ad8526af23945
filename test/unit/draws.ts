/**
 * @file Chance for generators that are written as plain functions: a tape of numbers of fast-check's, from which they draw. What
 * fast-check makes of the tape when a test fails, shorter and smaller, makes what was generated smaller: an empty tape gives zeros,
 * and zero is the first of a list, no more items, and false.
 */
import fc from "fast-check";

export interface Draws {
  /** A whole number from 0 below `n`. */
  readonly below: (n: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly maybe: (probability: number) => boolean;
}

const RANGE = 2 ** 32;

function drawsFrom(tape: Uint32Array): Draws {
  let at = 0;
  const next = () => (tape[at++] ?? 0) / RANGE;
  const below = (n: number) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)]!, maybe: (p) => next() >= 1 - p };
}

/** What a generator makes, with up to that many draws. */
export const drawn = <T>(make: (draws: Draws) => T, most: number): fc.Arbitrary<T> =>
  fc.noBias(fc.uint32Array({ maxLength: most, size: "max" })).map((tape) => make(drawsFrom(tape)));
