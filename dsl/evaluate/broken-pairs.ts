/** @file Pairs with a broken image, for which another of the same person stood in: a pair of an image with itself proves nothing. */
import type { Pairs } from "./pairs.js";

/** Similarities of pairs, and which of these are of the same person. */
export interface Measured {
  readonly similarity: Float64Array;
  readonly same: Uint8Array;
}

/** The pairs none of whose images is broken, in their order. `broken`: positions in `pairs.images`. */
export function withoutBroken(pairs: Pairs, similarity: Float64Array, broken: Int32Array): Measured {
  if (broken.length === 0) return { similarity, same: pairs.same };
  const isBroken = new Set(broken);
  const whole = (_: number, pair: number) =>
    !isBroken.has(pairs.positions[2 * pair]!) && !isBroken.has(pairs.positions[2 * pair + 1]!);
  return { similarity: similarity.filter(whole), same: pairs.same.filter(whole) };
}
