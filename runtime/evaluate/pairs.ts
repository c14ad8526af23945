/** @file Pairs of images of held-out people: the same person, or two different ones. */
import { ExperimentError } from "../../dsl/index.js";
import { randomBelow } from "../../dsl/plan/counter-random.js";
import { labelOf } from "../../dsl/plan/identity-stream.js";
import { keyedPermutation } from "../../dsl/plan/keyed-permutation.js";

/** Pairs in the order of the folds: each fold holds its share of genuine pairs, then of impostor pairs. */
export interface Pairs {
  /** The images that occur, as indices into the source. */
  readonly images: Int32Array;
  /** Positions in `images`, two a pair. */
  readonly positions: Int32Array;
  readonly same: Uint8Array;
}

const MOST_GENUINE = 3000;
const IMPOSTOR_STREAM = 0x70616972;

/**
 * As many genuine pairs as asked (0: all, at most 3,000), and as many impostor pairs (0: the same number), none twice.
 * Genuine pairs are ordered by person, so that folds share few people.
 */
export function makePairs(
  offsets: Int32Array,
  options: { genuine: number; impostor: number; folds: number; seed: number },
): Pairs {
  const { folds, seed } = options;
  const people = offsets.length - 1;
  if (people < 2)
    throw new ExperimentError(
      "F2C2501",
      `verification needs two held-out people, the data source has ${people}`,
      "set `heldOut` of the data source",
    );
  const all: [number, number][] = [];
  for (let person = 0; person < people; person++) {
    for (let a = offsets[person]!; a < offsets[person + 1]!; a++)
      for (let b = a + 1; b < offsets[person + 1]!; b++) all.push([a, b]);
  }
  if (all.length < folds)
    throw new ExperimentError(
      "F2C2502",
      `the held-out people make ${all.length} pairs of the same person, and ${folds} folds need at least ${folds}`,
      "hold out more people, or more images of each",
    );
  const wanted = Math.min(options.genuine || MOST_GENUINE, all.length);
  if (options.genuine > all.length)
    throw new ExperimentError(
      "F2C2503",
      `${options.genuine} genuine pairs are asked for, the held-out people make ${all.length}`,
      "ask for fewer, or hold out more",
    );
  const order = keyedPermutation(all.length, seed);
  const chosen = Array.from({ length: wanted }, (_, i) => order.at(i)).sort((a, b) => a - b);
  const genuine = chosen.map((i) => all[i]!);
  const impostor = impostors(offsets, options.impostor || wanted, seed);

  const images = new Map<number, number>();
  const position = (image: number) => {
    if (!images.has(image)) images.set(image, images.size);
    return images.get(image)!;
  };
  const positions: number[] = [];
  const same: number[] = [];
  for (let fold = 0; fold < folds; fold++) {
    for (const [list, mark] of [
      [genuine, 1],
      [impostor, 0],
    ] as const) {
      const cut = (f: number) => Math.floor((f * list.length) / folds);
      for (const [a, b] of list.slice(cut(fold), cut(fold + 1))) {
        positions.push(position(a), position(b));
        same.push(mark);
      }
    }
  }
  return {
    images: Int32Array.from(images.keys()),
    positions: Int32Array.from(positions),
    same: Uint8Array.from(same),
  };
}

function impostors(offsets: Int32Array, count: number, seed: number): [number, number][] {
  const total = offsets.at(-1)!;
  const possible =
    (total * total - offsets.slice(1).reduce((sum, end, i) => sum + (end - offsets[i]!) ** 2, 0)) / 2;
  if (count > possible)
    throw new ExperimentError(
      "F2C2503",
      `${count} impostor pairs are asked for, the held-out people make ${possible}`,
      "ask for fewer, or hold out more",
    );
  const seen = new Set<number>();
  const pairs: [number, number][] = [];
  for (let draw = 0; pairs.length < count; draw++) {
    const a = randomBelow(total, seed, IMPOSTOR_STREAM, 2 * draw);
    const b = randomBelow(total, seed, IMPOSTOR_STREAM, 2 * draw + 1);
    const key = Math.min(a, b) * total + Math.max(a, b);
    if (seen.has(key) || labelOf(offsets, a) === labelOf(offsets, b)) continue;
    seen.add(key);
    pairs.push([a, b]);
  }
  return pairs;
}
