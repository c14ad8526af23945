/**
 * @file How well groups that were found agree with who is who: pairwise F and BCubed F, as the field scores face clustering. Both take time by the number of
 * things, not of pairs.
 */
import { experimentError } from "../core/errors.js";

export interface Agreement {
  readonly precision: number;
  readonly recall: number;
  /** The harmonic mean of the two. */
  readonly f: number;
}

/**
 * Over all pairs of things: the share of those together in `found` that belong together, and of those that belong together that are together. 1 where there are no such pairs.
 */
export function pairwiseF(truth: Int32Array, found: Int32Array): Agreement {
  const { classes, clusters, both } = overlaps(truth, found);
  const pairs = (sizes: Iterable<number>): number => {
    let sum = 0;
    for (const size of sizes) sum += (size * (size - 1)) / 2;
    return sum;
  };
  const right = pairs(both.values());
  const share = (of: number): number => (of === 0 ? 1 : right / of);
  return agreement(share(pairs(clusters.values())), share(pairs(classes.values())));
}

/**
 * The mean over all things: the share of a thing's cluster that is of its class, and of its class that is in its cluster (Bagga and Baldwin 1998). A large class counts by its things
 * and not, as in pairs, by their square.
 */
export function bCubedF(truth: Int32Array, found: Int32Array): Agreement {
  const { classes, clusters, both } = overlaps(truth, found);
  let [precision, recall] = [0, 0];
  for (const [key, size] of both) {
    precision += (size * size) / clusters.get(key % KEYS)!;
    recall += (size * size) / classes.get(Math.floor(key / KEYS))!;
  }
  return agreement(precision / truth.length, recall / truth.length);
}

/** Numbers of classes and clusters lie below; two of them are one whole number. */
const KEYS = 2 ** 26;

/** The sizes of classes, of clusters, and of what each class has in each cluster. */
function overlaps(truth: Int32Array, found: Int32Array) {
  if (truth.length !== found.length || truth.length === 0)
    throw experimentError("bad-clustering.lengths", { truth: truth.length, found: found.length });
  const [classes, clusters, both] = [counts(), counts(), counts()];
  for (const [i, right] of truth.entries()) {
    const cluster = found[i]!;
    for (const number of [right, cluster])
      if (number < 0 || number >= KEYS)
        throw experimentError("bad-clustering.number", { number, least: 0, beyond: KEYS });
    more(classes, right);
    more(clusters, cluster);
    more(both, right * KEYS + cluster);
  }
  return { classes, clusters, both };
}

const counts = () => new Map<number, number>();
const more = (sizes: Map<number, number>, key: number) => sizes.set(key, (sizes.get(key) ?? 0) + 1);

const agreement = (precision: number, recall: number): Agreement => ({
  precision,
  recall,
  f: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
});
