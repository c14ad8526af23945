/** @file Reductions of millions of pairs, asked for in parts, so that no message holds them all. */
import type { Rows } from "./protocol.js";

const PAIRS_AT_ONCE = 1 << 20;

/** The cosine of each pair, part by part; `take` gets each with the number of its first pair. */
export async function cosinesInParts(
  rows: Rows,
  pairs: Int32Array,
  take: (cosines: Float64Array, first: number) => void,
): Promise<void> {
  const count = pairs.length / 2;
  for (let first = 0; first < count; first += PAIRS_AT_ONCE) {
    const end = Math.min(count, first + PAIRS_AT_ONCE);
    take(await rows.cosines(pairs.subarray(2 * first, 2 * end)), first);
  }
}
