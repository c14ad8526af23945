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

/** The set of some images of `all`, which are in rising order. */
export function selected(all: Catalogue, images: Int32Array): Catalogue {
  const { counts, people } = peopleIn(all.offsets, images);
  return arranged(all, images, counts, {
    people: all.people && namesOf(all.people, people),
    // Which of their images were taken, the digest of the positions tells.
    digests: all.digests && digestsOf(all.digests, people),
  });
}

/**
 * The images of `all` at some positions, in that order, so many of each person. What `all` is a subset of is so of it as well. What tells of
 * positions or people of `all` is gone.
 */
export function arranged(
  { pairs: _, digests: __, people: ___, ...all }: Catalogue,
  images: Int32Array,
  counts: Int32Array,
  { people, digests }: { readonly [part in "people" | "digests"]: Catalogue[part] | undefined },
): Catalogue {
  const { [SUBSET]: before, ...buffers } = all.buffers;
  const inSource = before ? images.map((image) => before[image]!) : images;
  const digest = createHash("sha256").update(inSource).digest("hex").slice(0, 16);
  return {
    ...all,
    spec: { ...all.spec, kind: SUBSET, of: before ? all.spec.of : all.spec.kind, selected: digest },
    offsets: offsetsOf(counts),
    buffers: { ...buffers, [SUBSET]: inSource },
    ...(all.names && { names: namesOf(all.names, images) }),
    ...(people && { people }),
    ...(digests && { digests }),
  };
}

/** The identities that have some of the images, and how many of these each has. */
function peopleIn(
  offsets: Int32Array,
  images: Int32Array,
): { readonly counts: Int32Array; readonly people: Int32Array } {
  const [counts, people]: [number[], number[]] = [[], []];
  let identity = -1;
  for (const image of images) {
    if (identity < 0 || image >= offsets[identity + 1]!) {
      while (image >= offsets[identity + 1]!) identity++;
      counts.push(0);
      people.push(identity);
    }
    counts[counts.length - 1]!++;
  }
  return { counts: Int32Array.from(counts), people: Int32Array.from(people) };
}

const digestsOf =
  (digests: NonNullable<Catalogue["digests"]>, people: Int32Array) => (first: number, end: number) =>
    Buffer.concat(runsIn(people.subarray(first, end)).map((run) => digests(...run)));

/** The names at some positions. */
const namesOf = (names: Names, positions: Int32Array): Names => ({
  length: positions.length,
  slice: (first, end) => runsIn(positions.subarray(first, end)).flatMap((run) => names.slice(...run)),
});

/** Positions as runs without gaps: the first, and the one behind the last. */
function runsIn(positions: Int32Array): readonly (readonly [first: number, end: number])[] {
  const starts = [...positions.keys()].filter((i) => i === 0 || positions[i] !== positions[i - 1]! + 1);
  return starts.map((start, i) => [
    positions[start]!,
    positions[(starts[i + 1] ?? positions.length) - 1]! + 1,
  ]);
}
