/**
 * @file VAL at FAR, as facenet's and insightface's scripts for LFW print it: the threshold at which the other folds have this false accept rate,
 * and the share of this fold's genuine pairs below it.
 */
import { type Accepted, acceptedBelow } from "./accepted-below.js";
import { mean } from "./rates.js";

/** Squared distances from 0 to 4 by 0.001. */
const STEP = 0.001;

export interface Validation {
  readonly value: number;
  readonly std: number;
  /** The mean over the folds of the false accept rate that came of it. */
  readonly far: number;
}

/**
 * The mean over the folds of the share of genuine pairs that are accepted at a rate. `null` where a fold lacks pairs of one kind. The threshold is
 * interpolated between the last one at which the rate of the other folds is at most `far` and the next; it is 0 where no threshold has that rate.
 */
export function validationRate(
  similarity: Float64Array,
  same: Uint8Array,
  sizes: readonly number[],
  far: number,
): Validation | null {
  const { thresholds, accepted } = acceptedBelow(similarity, same, sizes, STEP);
  if (accepted.length < 2 || accepted.some(({ genuines, impostors }) => genuines === 0 || impostors === 0))
    return null;
  let from = 0;
  const found = accepted.map((own, fold) => {
    const others = accepted.filter((_, other) => other !== fold);
    const below = thresholdAt(thresholds, others, far);
    let [right, wrong] = [0, 0];
    for (let pair = from; pair < from + sizes[fold]!; pair++) {
      if (!(2 - 2 * similarity[pair]! < below)) continue;
      if (same[pair] === 1) right++;
      else wrong++;
    }
    from += sizes[fold]!;
    return { value: right / own.genuines, far: wrong / own.impostors };
  });
  const value = mean(found.map((of) => of.value));
  return {
    value,
    std: Math.sqrt(mean(found.map((of) => (of.value - value) ** 2))),
    far: mean(found.map((of) => of.far)),
  };
}

/** The threshold at which these folds have a false accept rate, interpolated as `numpy.interp` does. */
function thresholdAt(thresholds: Float64Array, folds: readonly Accepted[], far: number): number {
  const impostors = folds.reduce((sum, fold) => sum + fold.impostors, 0);
  const rates = Float64Array.from(
    thresholds,
    (_, t) => folds.reduce((sum, { impostor }) => sum + impostor[t]!, 0) / impostors,
  );
  if (rates.at(-1)! < far) return 0;
  let last = 0;
  while (last + 1 < rates.length && rates[last + 1]! <= far) last++;
  const next = Math.min(last + 1, rates.length - 1);
  if (rates[next] === rates[last]) return thresholds[last]!;
  const slope = (thresholds[next]! - thresholds[last]!) / (rates[next]! - rates[last]!);
  return slope * (far - rates[last]!) + thresholds[last]!;
}
