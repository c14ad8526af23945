/**
 * @file Verification: is this one person, or are these two? Of pairs of people that training never saw, the 10-fold accuracy of
 * balanced pairs, the true accept rate at false accept rates, and the ROC. docs/evaluating.md has the definitions.
 */
import { experimentError } from "../core/errors.js";
import { type Measured as MeasuredPairs, withoutBroken } from "./broken-pairs.js";
import { makePairs } from "./pairs.js";
import { type Curve, type EvaluateOptions, type Protocol, protocol, quiet, type Result } from "./protocol.js";
import { rateAxis, untoldBelow } from "./rate-curves.js";
import { type Accuracy, foldSizes, roc, tarAtFar, tenFold } from "./rates.js";
import { ratesAt } from "./rates-at.js";
import { histogramsOf, ratesAsNumbers } from "./score-curves.js";
import { Scores } from "./score-lists.js";

const FOLDS = 10;

export interface VerificationOptions extends EvaluateOptions {
  /**
   * Pairs of held-out people: how many of the same person and how many of different ones. By default all of the same person,
   * at most 3,000, and as many of different ones. The accuracy uses equally many pairs of both kinds; more impostor pairs
   * allow true accept rates at lower false accept rates.
   */
  pairs?: "held-out" | { genuine: number; impostor: number };
  /** False accept rates at which the true accept rate is reported. */
  far?: readonly number[];
}

/** Same person or not, on pairs of people: 10-fold accuracy of balanced pairs, TAR at FAR and ROC of all pairs. */
export function verification({
  pairs = "held-out",
  far = [1e-1, 1e-2, 1e-3],
  ...common
}: VerificationOptions = {}): Protocol {
  const { genuine, impostor } = pairs === "held-out" ? { genuine: 0, impostor: 0 } : pairs;
  for (const [kind, count] of Object.entries({ genuine, impostor }))
    if (!Number.isInteger(count) || count < 0)
      throw experimentError("bad-verification.pairs", { kind, count });
  const odd = far.find((rate) => !(rate > 0 && rate <= 1));
  if (odd !== undefined) throw experimentError("bad-verification.rate", { rate: odd });
  return protocol("verification", { ...common, genuine, impostor, far }, ({ offsets, seed }) => {
    const made = makePairs(offsets, { genuine, impostor, folds: FOLDS, seed });
    return {
      images: made.images,
      drawn: [made.positions, made.same],
      says: `${counted(made.same, 1)} genuine and ${counted(made.same, 0)} impostor pairs`,
      async score(view) {
        const cosines = await view.cosines(made.positions);
        return resultOf(withoutBroken(made, cosines, view.broken), far);
      },
    };
  });
}

const counted = (same: Uint8Array, mark: number) => same.filter((s) => s === mark).length;

/** What was measured, for files and people. Throws F2C2505 where a fold would be without a pair. */
function resultOf({ similarity, same }: MeasuredPairs, far: readonly number[]): Result {
  const found = verify(similarity, { same }, far, FOLDS);
  const { pairs, genuine, impostor, accuracy, std, threshold } = found;
  if (pairs < 2 * FOLDS)
    throw experimentError("too-few-whole-pairs", { genuine, impostor, folds: FOLDS, least: FOLDS });
  const scores = new Scores(genuine, impostor);
  for (const [pair, cosine] of similarity.entries()) scores.add(cosine, same[pair] === 1);
  const lists = scores.lists();
  const notes = [];
  // A cosine of 1 is the protocol's first threshold, and what it stays with where none is better: cosines that all lie close to 1.
  if (threshold === 1)
    notes.push(
      "no threshold of the protocol, 0.005 apart as cosines, parts them: it calls no pair the same; TAR and ROC take the exact cosines",
    );
  if (genuine !== impostor)
    notes.push(`TAR and ROC are of all ${genuine} genuine and ${impostor} impostor pairs`);
  return {
    numbers: {
      accuracy: {
        value: accuracy,
        std,
        as: "percent",
        note: `on ${pairs} pairs of unseen people, at a cosine of ${threshold.toFixed(3)}`,
      },
      ...ratesAsNumbers(ratesAt(lists, { far, farAt: "at-most" }), impostor),
      threshold: quiet(threshold),
      pairs: quiet(pairs),
      genuine: quiet(genuine),
      impostor: quiet(impostor),
    },
    notes,
    curves: { roc: rocCurve(found.points, impostor, far), ...histogramsOf(lists) },
  };
}

/** What is measured on one list of pairs. */
export interface Verified extends Accuracy {
  /** The pairs that the accuracy is of: as many of the same person as of different ones. */
  readonly pairs: number;
  /** All pairs of the same person and of different ones, of which the rates are. */
  readonly genuine: number;
  readonly impostor: number;
  readonly tarAtFar: Readonly<Record<string, number | null>>;
  /** The ROC. */
  readonly points: readonly { readonly far: number; readonly tar: number }[];
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
  folds = FOLDS,
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
    points: roc(similarity, same),
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

/** The ROC down to the decade of the lowest rate asked for, and which rates are finer than one impostor pair. */
export function rocCurve(points: Verified["points"], impostor: number, fars: readonly number[]): Curve {
  return {
    title: "Verification of unseen people",
    x: rateAxis("false accept rate", fars),
    y: { label: "true accept rate", scale: "linear", from: 0, to: 1 },
    points: points.map(({ far, tar }) => [far, tar]),
    untold: untoldBelow(impostor, "FAR", "impostor pairs", fars),
  };
}
