/** @file A permutation of 0..N-1 that is computed, not stored: a Feistel network with cycle walking. */
import { experimentError } from "../core/errors.js";
import { randomU32 } from "./counter-random.js";

const ROUNDS = 4;

/** A bijection of 0..size-1, chosen by `key`. */
export interface KeyedPermutation {
  readonly size: number;
  at(index: number): number;
  /** What stands at 0..count-1: much faster than one by one where there are many. */
  first(count: number): Int32Array;
}

/** What a round makes of each value of one half. */
type Round = Int32Array;

/** Full avalanche over 32 bits (constants of Wellons' hash prospector, "lowbias32"). */
const scrambled = (half: number, key: number): number => {
  let f = Math.imul(half ^ key, 0x21f0aaad);
  f = Math.imul(f ^ (f >>> 15), 0x735a2d97);
  return f ^ (f >>> 16);
};

/**
 * The permutation of 0..size-1 that `key` names. The network permutes the next power of two from `size` up, each half
 * scrambling the other in turn; a value that falls outside is sent through again, less than twice on average.
 */
export function keyedPermutation(size: number, key: number): KeyedPermutation {
  if (!Number.isInteger(size) || size < 1 || size > 0x8000_0000) {
    throw experimentError("bad-data-option.order", { size });
  }
  let bits = 2;
  while (2 ** bits < size) bits++;
  const low = bits >>> 1;
  const lowMask = 2 ** low - 1;
  const highMask = 2 ** (bits - low) - 1;
  const keys = Int32Array.from({ length: 2 * ROUNDS }, (_, round) => randomU32(key, 0x70657266, round) | 0);
  const pass = (value: number): number => {
    let left = value >>> low;
    let right = value & lowMask;
    for (let round = 0; round < 2 * ROUNDS; round += 2) {
      left ^= scrambled(right, keys[round]!) & highMask;
      right ^= scrambled(left, keys[round + 1]!) & lowMask;
    }
    return ((left << low) | right) >>> 0;
  };
  return {
    size,
    at(index) {
      let value = pass(index);
      while (value >= size) value = pass(value);
      return value;
    },
    first(count) {
      // There are few halves: what a round makes of each is worked out once.
      const rounds = Array.from(keys, (key, i) => {
        const [halfMask, mask] = i % 2 === 0 ? [lowMask, highMask] : [highMask, lowMask];
        return new Int32Array(halfMask + 1).map((_, half) => scrambled(half, key) & mask);
      });
      const [a, b, c, d, e, f, g, h] = rounds as [Round, Round, Round, Round, Round, Round, Round, Round];
      const values = new Int32Array(count);
      for (let i = 0; i < count; i++) {
        let value = i;
        do {
          let left = value >>> low;
          let right = value & lowMask;
          left ^= a[right]!;
          right ^= b[left]!;
          left ^= c[right]!;
          right ^= d[left]!;
          left ^= e[right]!;
          right ^= f[left]!;
          left ^= g[right]!;
          right ^= h[left]!;
          value = ((left << low) | right) >>> 0;
        } while (value >= size);
        values[i] = value;
      }
      return values;
    },
  };
}
