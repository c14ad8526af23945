/** @file Pairs of images of held-out people: the same person, or two different ones. */
import { experimentError } from "../core/errors.js";
import { genuinePairs, impostorPairs, impostorPairsOf, pairsOf } from "./drawn-pairs.js";

/** Pairs in the order of the folds: each fold holds its share of genuine pairs, then of impostor pairs. */
export interface Pairs {
  /** The images that occur, as indices into the source. */
  readonly images: Int32Array;
  /** Positions in `images`, two a pair. */
  readonly positions: Int32Array;
  readonly same: Uint8Array;
}

const MOST_GENUINE = 3000;

/**
 * As many genuine pairs as asked (0: all, at most 3,000), and as many impostor pairs (0: the same number, or all), none twice.
 * Every person supplies as many genuine pairs as the others, or all that they have. Genuine pairs are ordered by person, so that
 * folds share few people.
 */
export function makePairs(
  offsets: Int32Array,
  options: { genuine: number; impostor: number; folds: number; seed: number },
): Pairs {
  const { folds, seed } = options;
  const people = offsets.length - 1;
  if (people < 2) throw experimentError("too-few-held-out-people", { people });
  const mostImpostor = impostorPairsOf(offsets);
  let most = 0;
  for (let person = 0; person < people; person++) most += pairsOf(offsets[person + 1]! - offsets[person]!);
  if (most < folds) throw experimentError("too-few-pairs-for-folds", { pairs: most, folds });
  const count = (kind: "genuine" | "impostor", possible: number, otherwise: number) => {
    const asked = options[kind] || Math.min(otherwise, possible);
    if (asked > possible) throw experimentError("too-few-pairs", { asked, kind, found: possible });
    if (asked < folds) throw experimentError("bad-verification.folds", { asked, kind, folds });
    return asked;
  };
  const wanted = count("genuine", most, MOST_GENUINE);
  const genuine = genuinePairs(offsets, wanted, seed);
  const impostor = impostorPairs(offsets, count("impostor", mostImpostor, wanted), seed);

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
