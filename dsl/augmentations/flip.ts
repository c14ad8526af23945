/** @file Mirror images. */

import * as ops from "../core/ops.generated.js";
import { type Augmentation, augmentation } from "../method/augmentation.js";

const FLIP = 0x666c6970;

/** Half of the images, drawn at random, are mirrored left to right. */
export const flip = (): Augmentation =>
  augmentation(
    "flip",
    {},
    {
      draw: (random) => random.coins(FLIP),
      apply: (images, mirrored) => ops.where(mirrored.reshape([-1, 1, 1, 1]), images.flip([3]), images),
    },
  );
