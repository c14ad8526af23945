/** @file Some of the images of a source: those that a stage of the study chose, or that a list or a file names. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import type { Catalogue, DataSource, OpeningContext } from "../method/source.js";
import { isStage, type MadeResult, STAGE, type Stage } from "../method/stage.js";
import { SUBSET, selected } from "./selected.js";

/**
 * Positions among the images to train on, from 0, each once, in any order: what a stage such as `faceNms` leaves as `images`, a list, or a
 * text file with a number a line, relative to the experiment's file.
 */
export type ImageSelection = Stage | Int32Array | readonly number[] | string;

/** The name of the array of positions, in what a stage leaves and among the buffers of a source. */
const IMAGES = "images";

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
