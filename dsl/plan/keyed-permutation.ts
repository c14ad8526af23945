/** @file An order of 0..N-1 that nobody stores: a balanced Feistel network with cycle walking. */
import { ExperimentError } from "../errors.js";
import { randomU32 } from "./counter-random.js";

const ROUNDS = 6;

/** A bijection of 0..size-1, chosen by `key`. */
export interface KeyedPermutation {
  readonly size: number;
  at(index: number): number;
}

/**
 * The permutation of 0..size-1 that `key` names. The network permutes the next power of four from `size` up; a value that
 * falls outside is sent through again, which happens less than three times on average.
 */
export function keyedPermutation(size: number, key: number): KeyedPermutation {
  if (!Number.isInteger(size) || size < 1 || size > 0x8000_0000) {
    throw new ExperimentError("F2C2202", `an order of ${size} things`, "give a whole number from 1 to 2^31");
  }
  let half = 1;
  while (4 ** half < size) half++;
  const mask = 2 ** half - 1;
  const keys = Uint32Array.from({ length: ROUNDS }, (_, round) => randomU32(key, 0x70657266, round));
  const pass = (value: number): number => {
    let left = Math.floor(value / (mask + 1));
    let right = value & mask;
    for (let round = 0; round < ROUNDS; round++) {
      let f = Math.imul(right ^ keys[round]!, 0x21f0aaad);
      f = Math.imul(f ^ (f >>> 15), 0x735a2d97);
      const next = left ^ ((f ^ (f >>> 16)) & mask);
      left = right;
      right = next;
    }
    return left * (mask + 1) + right;
  };
  return {
    size,
    at(index) {
      let value = pass(index);
      while (value >= size) value = pass(value);
      return value;
    },
  };
}
