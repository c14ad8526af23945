/** @file How many images each identity of a drawn data set has. */
import { experimentError } from "../core/errors.js";
import { randomBelow } from "./counter-random.js";
import { keyedPermutation } from "./keyed-permutation.js";

/** A law of images per identity. */
export interface ImagesPerIdentity {
  counts(identities: number, seed: number): Int32Array;
}

const STREAM = 0x636f756e;

/** `n` images of everybody. */
export const fixed = (n: number): ImagesPerIdentity => ({
  counts: (identities) => new Int32Array(identities).fill(atLeastOne("fixed", n)),
});

/** From `low` to `high` images, all numbers equally likely. */
export const spread = (low: number, high: number): ImagesPerIdentity => ({
  counts: (identities, seed) => {
    atLeastOne("spread", low);
    if (high < low) throw experimentError("bad-data-option.spread", { low, high });
    return Int32Array.from(
      { length: identities },
      (_, i) => low + randomBelow(high - low + 1, seed, STREAM, i),
    );
  },
});

/**
 * Zipf's law: the identity of rank r has a share proportional to 1 / r^exponent, `mean` images on average, at least `min`.
 * Which identity gets which rank is random. The total is exactly identities * mean, rounded.
 */
export const zipf = (
  mean: number,
  { exponent = 0.8, min = 1 }: { exponent?: number; min?: number } = {},
): ImagesPerIdentity => ({
  counts: (identities, seed) => {
    atLeastOne("zipf: min", min);
    if (!(mean >= min)) throw experimentError("bad-data-option.zipf", { mean, min });
    const order = keyedPermutation(identities, seed ^ STREAM);
    const spare = Math.round(mean * identities) - min * identities;
    let weight = 0;
    for (let rank = 1; rank <= identities; rank++) weight += rank ** -exponent;
    const counts = new Int32Array(identities).fill(min);
    let cumulated = 0;
    let given = 0;
    for (let rank = 1; rank <= identities; rank++) {
      cumulated += rank ** -exponent;
      const upTo = rank === identities ? spare : Math.round((spare * cumulated) / weight);
      counts[order.at(rank - 1)]! += upTo - given;
      given = upTo;
    }
    return counts;
  },
});

function atLeastOne(what: string, n: number): number {
  if (!Number.isInteger(n) || n < 1) throw experimentError("bad-data-option.count", { what, count: n });
  return n;
}
