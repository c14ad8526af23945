/** @file The verification protocol of the field: 10-fold accuracy, true accept rate at a false accept rate, ROC. */

export interface Accuracy {
  /** Mean over the folds of the accuracy at the threshold that is best on the other folds. */
  readonly accuracy: number;
  /** Population standard deviation over the folds. */
  readonly std: number;
  /** Mean over the folds of these thresholds, as a cosine: above it a pair counts as the same person. */
  readonly threshold: number;
}

/** Squared distances from 0 to 4 by 0.01: 400 thresholds, as LFW's protocol in insightface and facenet. */
const THRESHOLDS = Float64Array.from({ length: 400 }, (_, i) => i * 0.01);

/** Sizes of the parts of `n` things in order, as KFold without shuffling cuts them: the first n % folds have one more. */
const foldSizes = (n: number, folds: number): number[] =>
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
  const right = sizes.map(() => new Float64Array(THRESHOLDS.length));
  let from = 0;
  for (const [fold, size] of sizes.entries()) {
    for (let i = from; i < from + size; i++) {
      const distance = 2 - 2 * similarity[i]!;
      for (let t = 0; t < THRESHOLDS.length; t++)
        if (distance < THRESHOLDS[t]! === (same[i] === 1)) right[fold]![t]!++;
    }
    from += size;
  }
  const total = THRESHOLDS.map((_, t) => right.reduce((sum, r) => sum + r[t]!, 0));
  const thresholds: number[] = [];
  const accuracies = sizes.map((size, fold) => {
    let best = 0;
    for (let t = 1; t < THRESHOLDS.length; t++)
      if (total[t]! - right[fold]![t]! > total[best]! - right[fold]![best]!) best = t;
    thresholds.push(1 - THRESHOLDS[best]! / 2);
    return right[fold]![best]! / size;
  });
  const accuracy = mean(accuracies);
  const std = Math.sqrt(mean(accuracies.map((a) => (a - accuracy) ** 2)));
  return { accuracy, std, threshold: mean(thresholds) };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

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
    const allowed = Math.floor(far * impostor.length + 1e-9);
    if (allowed < 1) {
      rates[String(far)] = null;
      continue;
    }
    const bar = allowed < impostor.length ? impostor[allowed]! : Number.NEGATIVE_INFINITY;
    rates[String(far)] = genuine.filter((s) => s > bar).length / genuine.length;
  }
  return rates;
}

/** What is measured on one list of pairs. */
export interface Verified extends Accuracy {
  /** The pairs that the accuracy is of: as many of the same person as of different ones. */
  readonly pairs: number;
  /** All pairs of the same person and of different ones, of which the rates are. */
  readonly genuine: number;
  readonly impostor: number;
  readonly tarAtFar: Readonly<Record<string, number | null>>;
  readonly curve: Rates;
}

/** A ROC, and what of it the pairs can tell. */
export interface Rates {
  readonly points: readonly { readonly far: number; readonly tar: number }[];
  /** One of these is the smallest false accept rate that can be told. */
  readonly impostor: number;
  /** The false accept rates that were asked for. */
  readonly fars: readonly number[];
}

/**
 * Verification of pairs that stand in the order of their folds. The accuracy is of balanced pairs, evenly in every fold: where one
 * kind is the larger by far, to say nothing else is right nearly always. Of the larger kind it takes every so-manyeth pair. The
 * rates are of each kind alone, and take all pairs.
 */
export function verify(
  similarity: Float64Array,
  { same }: { readonly same: Uint8Array },
  fars: readonly number[],
  folds = 10,
): Verified {
  const indices = (mark: 0 | 1) => [...same.keys()].filter((pair) => same[pair] === mark);
  const [genuine, impostor] = [indices(1), indices(0)];
  const each = Math.min(genuine.length, impostor.length);
  const thinned = (pairs: readonly number[]) =>
    Array.from({ length: each }, (_, k) => pairs[Math.floor((k * pairs.length) / each)]!);
  const sizes = foldSizes(each, folds);
  const balanced = inFolds([thinned(genuine), thinned(impostor)], sizes);
  const measured = tenFold(
    Float64Array.from(balanced, (pair) => similarity[pair]!),
    Uint8Array.from(balanced, (pair) => same[pair]!),
    sizes.map((size) => 2 * size),
  );
  return {
    ...measured,
    pairs: balanced.length,
    genuine: genuine.length,
    impostor: impostor.length,
    tarAtFar: tarAtFar(similarity, same, fars),
    curve: { points: roc(similarity, same), impostor: impostor.length, fars },
  };
}

/** The lists cut into parts of these sizes: the first part of each list, then the second of each, and so on. */
function inFolds(lists: readonly (readonly number[])[], sizes: readonly number[]): number[] {
  let from = 0;
  return sizes.flatMap((size) => {
    const part = lists.flatMap((list) => list.slice(from, from + size));
    from += size;
    return part;
  });
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
