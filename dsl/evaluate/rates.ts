/** @file What cosines of pairs amount to, as the field counts: 10-fold accuracy, true accept rate at a false accept rate, ROC. */
import { acceptedBelow } from "./accepted-below.js";
import { allowedAt, barFor } from "./rate-curves.js";

export interface Accuracy {
  /** Mean over the folds of the accuracy at the threshold that is best on the other folds. */
  readonly accuracy: number;
  /** Population standard deviation over the folds. */
  readonly std: number;
  /** Mean over the folds of these thresholds, as a cosine: above it a pair counts as the same person. */
  readonly threshold: number;
}

/** Squared distances from 0 to 4 by 0.01: 400 thresholds, as LFW's protocol in insightface and facenet. */
const STEP = 0.01;

/** Sizes of the parts of `n` things in order, as KFold without shuffling cuts them: the first n % folds have one more. */
export const foldSizes = (n: number, folds: number): number[] =>
  Array.from({ length: folds }, (_, f) => Math.floor(n / folds) + (f < n % folds ? 1 : 0));

/**
 * K-fold accuracy of cosine similarities. Pairs are cut into contiguous parts, `folds` equal ones or those of the sizes given;
 * a pair counts as the same person where the squared distance 2 - 2 cos lies below the threshold, the first one that is best on
 * the other folds.
 */
export function tenFold(
  similarity: Float64Array,
  same: Uint8Array,
  folds: number | readonly number[] = 10,
): Accuracy {
  const sizes = typeof folds === "number" ? foldSizes(similarity.length, folds) : folds;
  const { thresholds, accepted } = acceptedBelow(similarity, same, sizes, STEP);
  /** Of each fold, how many pairs each threshold tells right. */
  const right = accepted.map(({ genuine, impostor, impostors }) =>
    genuine.map((count, t) => count + impostors - impostor[t]!),
  );
  const total = Float64Array.from(thresholds, (_, t) => right.reduce((sum, r) => sum + r[t]!, 0));
  const chosen: number[] = [];
  const accuracies = sizes.map((size, fold) => {
    let best = 0;
    for (let t = 1; t < thresholds.length; t++)
      if (total[t]! - right[fold]![t]! > total[best]! - right[fold]![best]!) best = t;
    chosen.push(1 - thresholds[best]! / 2);
    return right[fold]![best]! / size;
  });
  return { ...meanAndStd(accuracies), threshold: mean(chosen) };
}

/** Accuracy and its spread over the folds. */
function meanAndStd(accuracies: readonly number[]): Pick<Accuracy, "accuracy" | "std"> {
  const accuracy = mean(accuracies);
  return { accuracy, std: Math.sqrt(mean(accuracies.map((a) => (a - accuracy) ** 2))) };
}

export const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * True accept rate at each false accept rate: the share of genuine pairs above the lowest threshold at which at most
 * `far` of the impostor pairs are accepted. `null` where the rate is finer than one impostor pair.
 */
export function tarAtFar(
  similarity: Float64Array,
  same: Uint8Array,
  fars: readonly number[],
): Readonly<Record<string, number | null>> {
  const genuine = similarity.filter((_, i) => same[i] === 1);
  const impostor = similarity
    .filter((_, i) => same[i] !== 1)
    .sort()
    .reverse();
  const rates: Record<string, number | null> = {};
  for (const far of fars) {
    const allowed = allowedAt(far, impostor.length);
    if (allowed < 1) {
      rates[String(far)] = null;
      continue;
    }
    const bar = barFor(impostor, allowed);
    rates[String(far)] = genuine.filter((s) => s > bar).length / genuine.length;
  }
  return rates;
}

/** One point of a ROC for each distinct threshold, from (0, 0) to (1, 1). */
export function roc(
  similarity: Float64Array,
  same: Uint8Array,
): readonly { readonly far: number; readonly tar: number }[] {
  const order = Array.from(similarity.keys()).sort((a, b) => similarity[b]! - similarity[a]!);
  const genuine = same.reduce((n, s) => n + s, 0);
  const impostor = same.length - genuine;
  const points = [{ far: 0, tar: 0 }];
  let [accepted, wrongly] = [0, 0];
  order.forEach((pair, i) => {
    if (same[pair] === 1) accepted++;
    else wrongly++;
    const last = i + 1 === order.length || similarity[order[i + 1]!] !== similarity[pair];
    if (last) points.push({ far: wrongly / impostor, tar: accepted / genuine });
  });
  return points;
}
