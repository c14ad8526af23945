/** @file Which classes a step compares with, where it compares with a sample of them. */
import { randomU32 } from "./counter-random.js";
import { keyedPermutation } from "./keyed-permutation.js";

const STREAM = 0x73616d70;

export interface SampledClasses {
  /** The sampled identities, those of the rows first, each once; then the first one again up to the length asked for. */
  readonly sampled: Int32Array;
  /** The same with -1 where one stands again. */
  readonly ids: Int32Array;
  /** Where in `sampled` each row's identity stands. */
  readonly place: Int32Array;
}

/**
 * The identities of the rows and, up to `wanted` in all, others drawn uniformly without replacement: the first of a permutation of all
 * identities that the seed and the step choose; all in their order where all are wanted. Takes time by `wanted`, not by `identities`, but
 * for a bit of each. `room` is the length of the lists.
 */
export function sampledClasses(
  identities: number,
  labels: Int32Array,
  { wanted, room, seed, step }: { wanted: number; room: number; seed: number; step: number },
): SampledClasses {
  if (wanted >= identities) {
    // All of them, in the order of a bank that has all.
    const all = new Int32Array(room).map((_, i) => i);
    return { sampled: all, ids: all, place: labels };
  }
  const placeOf = new Map<number, number>();
  for (const who of labels) if (!placeOf.has(who)) placeOf.set(who, placeOf.size);
  const sampled = new Int32Array(room).fill(labels[0]!);
  const isOwn = new Uint32Array((identities + 31) >>> 5);
  for (const [who, at] of placeOf) {
    sampled[at] = who;
    isOwn[who >>> 5]! |= 1 << who;
  }
  let count = placeOf.size;
  // Of as many as are wanted, no more are own than have their places already.
  const drawn = keyedPermutation(identities, randomU32(seed, STREAM, step)).first(wanted);
  for (let i = 0; count < wanted; i++) {
    const who = drawn[i]!;
    if ((isOwn[who >>> 5]! & (1 << who)) === 0) sampled[count++] = who;
  }
  const ids = new Int32Array(room).fill(-1);
  ids.set(sampled.subarray(0, count));
  return { sampled, ids, place: labels.map((who) => placeOf.get(who)!) };
}
