/** @file Some of the images of a source: those that a stage of the study chose, or that a list or a file names. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import {
  type Catalogue,
  type DataSource,
  type Names,
  type OpeningContext,
  offsetsOf,
} from "../method/source.js";
import { isStage, type MadeResult, STAGE, type Stage } from "../method/stage.js";

/**
 * Positions among the images to train on, from 0, each once, in any order: what a stage such as `faceNms` leaves as `images`, a list, or a
 * text file with a number a line, relative to the experiment's file.
 */
export type ImageSelection = Stage | Int32Array | readonly number[] | string;

/** The name of the array of positions, in what a stage leaves and among the buffers of a source. */
const IMAGES = "images";
const SUBSET = "subset";

/**
 * Of the people to train on, the images of a selection. Identities keep their order, and those without images are gone, so that labels
 * have no gaps; those kept back stay as they are. Before the stage that selects is made, all images count.
 */
export function subset(source: DataSource, selection: ImageSelection): DataSource {
  const needs = [...(source.needs ?? []), ...(isStage(selection) ? [selection] : [])];
  return {
    kind: SUBSET,
    ...(needs.length > 0 && { needs }),
    open: (context) => {
      const { train, ...others } = source.open(context);
      const images = imagesOf(selection, context);
      return { ...others, train: images ? selected(train, sorted(images, train)) : train };
    },
  };
}

function imagesOf(selection: ImageSelection, context: OpeningContext): Int32Array | undefined {
  if (typeof selection === "string") return inFile(resolve(context.directory, selection));
  if (!isStage(selection)) return Int32Array.from(selection);
  const what = selection[STAGE].called(selection);
  const made = context.made?.(selection) as Partial<MadeResult> | undefined;
  if (!made) throw experimentError("bad-subset.stage", { what });
  const arrays = made.arrays?.();
  if (made.arrays && !arrays) return undefined;
  const images = arrays?.[IMAGES];
  if (!(images instanceof Int32Array)) throw experimentError("bad-subset.no-images", { what });
  return images;
}

function inFile(path: string): Int32Array {
  let words: readonly string[];
  try {
    words = readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
  } catch (error) {
    throw experimentError("bad-subset.file", { path, problem: (error as Error).message });
  }
  const wrong = words.find((word) => !/^\d{1,10}$/.test(word));
  if (wrong !== undefined)
    throw experimentError("bad-subset.file", { path, problem: `it has \`${wrong.slice(0, 20)}\`` });
  return Int32Array.from(words, Number);
}

/** The positions in rising order. Refuses one that is not there, and one that stands twice. */
function sorted(images: Int32Array, { offsets }: Catalogue): Int32Array {
  const count = offsets.at(-1)!;
  const rising = images.slice().sort();
  const wrong = rising.find((image) => image < 0 || image >= count);
  if (wrong !== undefined) throw experimentError("bad-subset.image", { image: wrong, images: count });
  const twice = rising.find((image, i) => rising[i + 1] === image);
  if (twice !== undefined) throw experimentError("bad-subset.twice", { image: twice });
  if (rising.length === 0) throw experimentError("bad-subset.empty", {});
  return rising;
}

/** The kind of source that the images come from: of a subset, that of what it is a subset of. */
export const kindOfImages = ({ spec }: Catalogue): unknown => (spec.kind === SUBSET ? spec.of : spec.kind);

/** The set of some images of `all`, which are in rising order. What `all` is a subset of is so of it as well. */
function selected(all: Catalogue, images: Int32Array): Catalogue {
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
