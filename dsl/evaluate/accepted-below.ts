/** @file How many pairs of each fold lie below each of many thresholds: in one pass over the pairs, however many thresholds there are. */

/** What is accepted in one fold, by threshold. */
export interface Accepted {
  readonly genuine: Int32Array;
  readonly impostor: Int32Array;
  /** How many there are, at any distance. */
  readonly genuines: number;
  readonly impostors: number;
}

const FARTHEST = 4;

/** 0, step, 2 step … below 4, as `numpy.arange(0, 4, step)` rounds them. */
const thresholdsBy = (step: number): Float64Array =>
  Float64Array.from({ length: Math.ceil(FARTHEST / step) }, (_, i) => i * step);

/**
 * Of each fold, how many pairs have a squared distance 2 - 2 cos below each threshold. `sizes`: how many pairs each fold has, one fold
 * after the other. A cosine that is no number lies below none.
 */
export function acceptedBelow(
  similarity: Float64Array,
  same: Uint8Array,
  sizes: readonly number[],
  step: number,
): { readonly thresholds: Float64Array; readonly accepted: readonly Accepted[] } {
  const thresholds = thresholdsBy(step);
  let from = 0;
  const accepted = sizes.map((size) => {
    const [genuine, impostor] = [new Int32Array(thresholds.length), new Int32Array(thresholds.length)];
    let genuines = 0;
    for (let pair = from; pair < from + size; pair++) {
      if (same[pair] === 1) genuines++;
      const first = firstAbove(thresholds, 2 - 2 * similarity[pair]!, step);
      if (first < thresholds.length) (same[pair] === 1 ? genuine : impostor)[first]!++;
    }
    from += size;
    return { genuine: summed(genuine), impostor: summed(impostor), genuines, impostors: size - genuines };
  });
  return { thresholds, accepted };
}

/** The first threshold above a distance; their number where there is none. A quotient is rounded, and may be one off. */
function firstAbove(thresholds: Float64Array, distance: number, step: number): number {
  if (Number.isNaN(distance)) return thresholds.length;
  let first = Math.min(thresholds.length, Math.max(0, Math.floor(distance / step)));
  while (first > 0 && thresholds[first - 1]! > distance) first--;
  while (first < thresholds.length && thresholds[first]! <= distance) first++;
  return first;
}

/** Each count, and all before it. */
function summed(counts: Int32Array): Int32Array {
  for (let i = 1; i < counts.length; i++) counts[i]! += counts[i - 1]!;
  return counts;
}
