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
    const counts = new Int32Array(identities);
    for (let i = 0; i < identities; i++) counts[i] = low + randomBelow(high - low + 1, seed, STREAM, i);
    return counts;
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
    const counts = new Int32Array(identities).fill(min);
    const spare = Math.round(mean * identities) - min * identities;
    give(
      counts,
      spare,
      sharesUpTo(identities, exponent),
      keyedPermutation(identities, seed ^ STREAM).first(identities),
    );
    return counts;
  },
});

/** The sum of 1 / r^exponent over the ranks up to each, from the first one on. */
function sharesUpTo(ranks: number, exponent: number): Float64Array {
  const sums = new Float64Array(ranks);
  for (let i = 0, sum = 0; i < ranks; i++) {
    sum += (i + 1) ** -exponent;
    sums[i] = sum;
  }
  return sums;
}

/** Identities whose counts the cache holds at once. */
const BLOCK = 2 ** 17;

/**
 * Gives `spare` more images to identities by their shares; `order` has who is of which rank. Sorted by blocks of identities first, of
 * which each has as many as it is long: millions of counts that are changed here and there wait for the memory each time.
 */
function give(counts: Int32Array, spare: number, shares: Float64Array, order: Int32Array): void {
  const last = order.length - 1;
  const all = shares[last]!;
  const next = Int32Array.from({ length: Math.ceil(order.length / BLOCK) }, (_, block) => block * BLOCK);
  const who = new Int32Array(order.length);
  const more = new Int32Array(order.length);
  for (let i = 0, given = 0; i <= last; i++) {
    const upTo = i === last ? spare : Math.round((spare * shares[i]!) / all);
    const identity = order[i]!;
    const at = next[Math.floor(identity / BLOCK)]!++;
    who[at] = identity;
    more[at] = upTo - given;
    given = upTo;
  }
  for (let at = 0; at <= last; at++) counts[who[at]!]! += more[at]!;
}

function atLeastOne(what: string, n: number): number {
  if (!Number.isInteger(n) || n < 1) throw experimentError("bad-data-option.count", { what, count: n });
  return n;
}
