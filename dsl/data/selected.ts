/** @file Some images of a set as a set: the host reads them of the whole, by a list of positions. What chooses them stands elsewhere. */
import { createHash } from "node:crypto";
import { experimentError } from "../core/errors.js";
import { type Catalogue, type DataSource, type Names, offsetsOf } from "../method/source.js";

export const SUBSET = "subset";

/** A source with some of the images to train on of another; `choose` gives their positions, rising. Refuses to leave none. */
export const chosenFrom = (
  source: DataSource,
  what: string,
  choose: (train: Catalogue) => Int32Array,
): DataSource => ({
  kind: SUBSET,
  ...(source.needs && { needs: source.needs }),
  open: (context) => {
    const { train, ...others } = source.open(context);
    const images = choose(train);
    if (images.length === 0)
      throw experimentError("bad-subset.none-left", { what, images: train.offsets.at(-1)! });
    return { ...others, train: images.length === train.offsets.at(-1) ? train : selected(train, images) };
  },
});

/** The images of the identities that `keeps` names, rising. */
export function imagesOf(offsets: Int32Array, keeps: (identity: number) => boolean): Int32Array {
  const kept: number[] = [];
  let count = 0;
  for (let identity = 0; identity + 1 < offsets.length; identity++) {
    if (!keeps(identity)) continue;
    kept.push(identity);
    count += offsets[identity + 1]! - offsets[identity]!;
  }
  const images = new Int32Array(count);
  let place = 0;
  for (const identity of kept)
    for (let image = offsets[identity]!; image < offsets[identity + 1]!; image++) images[place++] = image;
  return images;
}

/** The set of some images of `all`, which are in rising order. What `all` is a subset of is so of it as well. */
export function selected({ pairs: _, ...all }: Catalogue, images: Int32Array): Catalogue {
  const { [SUBSET]: before, ...buffers } = all.buffers;
  const inSource = before ? images.map((image) => before[image]!) : images;
  const digest = createHash("sha256").update(inSource).digest("hex").slice(0, 16);
  return {
    ...all,
    spec: { ...all.spec, kind: SUBSET, of: before ? all.spec.of : all.spec.kind, selected: digest },
    offsets: offsetsOf(countsIn(all.offsets, images)),
    buffers: { ...buffers, [SUBSET]: inSource },
    ...(all.names && { names: namesOf(all.names, images) }),
  };
}

/** How many of the images each identity has that has some. */
function countsIn(offsets: Int32Array, images: Int32Array): Int32Array {
  const counts: number[] = [];
  let identity = -1;
  for (const image of images) {
    if (identity < 0 || image >= offsets[identity + 1]!) {
      while (image >= offsets[identity + 1]!) identity++;
      counts.push(0);
    }
    counts[counts.length - 1]!++;
  }
  return Int32Array.from(counts);
}

const namesOf = (names: Names, images: Int32Array): Names => ({
  length: images.length,
  slice: (first, end) => runsIn(images.subarray(first, end)).flatMap((run) => names.slice(...run)),
});

/** Rising positions as runs without gaps: the first, and the one behind the last. */
function runsIn(images: Int32Array): readonly (readonly [first: number, end: number])[] {
  const starts = [...images.keys()].filter((i) => i === 0 || images[i] !== images[i - 1]! + 1);
  return starts.map((start, i) => [images[start]!, images[(starts[i + 1] ?? images.length) - 1]! + 1]);
}
