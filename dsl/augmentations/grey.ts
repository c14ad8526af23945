/** @file Images without colours. */

import * as ops from "../core/ops.generated.js";
import type { Images } from "../core/tensor.js";
import { type Augmentation, augmentation } from "../method/augmentation.js";
import { aProbability } from "./options.js";

/** How bright red, green and blue look (ITU-R BT.601). */
const BRIGHTNESS = [0.299, 0.587, 0.114] as const;

/** The brightness of images [N, C, H, W] with three channels, red first, in every channel; grey images are that already. Compiled. */
export const luma = (images: Images): Images => {
  if (images.size(1) !== 3) return images;
  const [red, green, blue] = BRIGHTNESS;
  const [r, g, b] = [images.select(1, 0), images.select(1, 1), images.select(1, 2)];
  const seen = r.mul(red).add(g.mul(green)).add(b.mul(blue));
  return ops.stack([seen, seen, seen], 1) as Images;
};

export interface GreyOptions {
  /** Images that lose their colours. */
  probability?: number;
}

/** Some images, drawn at random, lose their colours. */
export function grey({ probability = 0.2 }: GreyOptions = {}): Augmentation {
  aProbability("grey", probability);
  return augmentation(
    "grey",
    { probability },
    {
      draw: (random) => random.chosen("grey", probability),
      apply: (images, chosen) => ops.where(chosen.reshape([-1, 1, 1, 1]), luma(images), images),
    },
  );
}
