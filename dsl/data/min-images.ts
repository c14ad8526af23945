/** @file People of whom there are enough images. */
import { inRange, WHOLE } from "../core/range.js";
import type { DataSource } from "../method/source.js";
import { chosenFrom, imagesOf } from "./selected.js";

/** A source without the people to train on of whom it has fewer than `least` images. */
export function minImages(source: DataSource, least: number): DataSource {
  inRange("minImages", "least", least, WHOLE);
  return chosenFrom(source, `minImages(…, ${least})`, ({ offsets }) =>
    imagesOf(offsets, (identity) => offsets[identity + 1]! - offsets[identity]! >= least),
  );
}
