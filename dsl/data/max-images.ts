/** @file No more than so many images of anybody. */
import { inRange, WHOLE } from "../core/range.js";
import type { DataSource } from "../method/source.js";
import { randomU32 } from "../plan/counter-random.js";
import { keyedPermutation } from "../plan/keyed-permutation.js";
import { chosenFrom } from "./selected.js";

export interface MaxImagesOptions {
  /** Draws which images stay. */
  readonly seed?: number;
}

/** Keeps draws apart from others of the same seed. */
const DRAWS = 0x6d_61_78_69;

/** A source with at most `most` images of each of the people to train on, drawn where there are more. */
export function maxImages(source: DataSource, most: number, { seed = 0 }: MaxImagesOptions = {}): DataSource {
  inRange("maxImages", "most", most, WHOLE);
  return chosenFrom(source, `maxImages(…, ${most})`, ({ offsets }) => {
    const countOf = (identity: number) => offsets[identity + 1]! - offsets[identity]!;
    let total = 0;
    for (let identity = 0; identity + 1 < offsets.length; identity++)
      total += Math.min(most, countOf(identity));
    const images = new Int32Array(total);
    let place = 0;
    for (let identity = 0; identity + 1 < offsets.length; identity++) {
      const [first, count] = [offsets[identity]!, countOf(identity)];
      const drawn =
        count > most
          ? keyedPermutation(count, randomU32(seed, DRAWS, identity))
              .first(most)
              .sort()
          : undefined;
      for (let i = 0; i < Math.min(most, count); i++) images[place++] = first + (drawn ? drawn[i]! : i);
    }
    return images;
  });
}
