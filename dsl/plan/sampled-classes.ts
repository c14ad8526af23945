/** @file Which classes a step compares with, where it compares with a sample of them. */
import { randomU32 } from "./counter-random.js";
import { keyedPermutation } from "./keyed-permutation.js";

const STREAM = 0x73616d70;

export interface SampledClasses {
  /** The sampled identities, those of the rows first, each once; then `identities` up to the length asked for. */
  readonly sampled: Int32Array;
  /** The same with -1 where there is none. */
  readonly ids: Int32Array;
  /** Where in `sampled` each row's identity stands. */
  readonly place: Int32Array;
}

/**
 * The identities of the rows and, up to `wanted` in all, others drawn uniformly without replacement: the first of a permutation of all
 * identities that the seed and the step choose; all in their order where all are wanted. Takes time by `wanted`, not by `identities`. `room` is the length of the lists.
 */
export function sampledClasses(
  identities: number,
  labels: Int32Array,
  { wanted, room, seed, step }: { wanted: number; room: number; seed: number; step: number },
): SampledClasses {
  if (wanted >= identities) {
    // All of them, in the order of a bank that has all.
    const all = Int32Array.from({ length: room }, (_, i) => i);
    return { sampled: all, ids: all, place: labels };
  }
  const placeOf = new Map<number, number>();
  for (const who of labels) if (!placeOf.has(who)) placeOf.set(who, placeOf.size);
  const sampled = new Int32Array(room).fill(identities);
  for (const [who, at] of placeOf) sampled[at] = who;
  const order = keyedPermutation(identities, randomU32(seed, STREAM, step));
  let count = placeOf.size;
  for (let i = 0; count < wanted; i++) {
    const who = order.at(i);
    if (!placeOf.has(who)) sampled[count++] = who;
  }
  return {
    sampled,
    ids: sampled.map((who) => (who === identities ? -1 : who)),
    place: labels.map((who) => placeOf.get(who)!),
  };
}
