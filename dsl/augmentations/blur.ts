/** @file Images out of focus. */

import * as ops from "../core/ops.generated.js";
import { type Augmentation, augmentation } from "../method/augmentation.js";
import { aProbability, wantedOf } from "./options.js";
import type { Reals } from "./resample.js";
import { type Mixing, mixed } from "./separable.js";

export interface BlurOptions {
  /** The standard deviation of the Gaussian in pixels, from a tenth of a pixel up to this, at random. */
  sigma?: number;
  /** Images that are blurred; the others stay as they are. */
  probability?: number;
}

/** A Gaussian this narrow is one pixel to the last bit of f32: its neighbours get exp(-5000). */
const SHARP = 0.01;

/** Rows that are Gaussians about each pixel; what would lie beyond the border counts for the pixels within. */
const gaussians = (sigma: Reals, size: number): Mixing => {
  const to = ops.arange(size).to("f32").reshape([1, -1, 1]);
  const from = ops.arange(size).to("f32").reshape([1, 1, -1]);
  const away = to.sub(from).div(sigma.reshape([-1, 1, 1]));
  const weight = away.mul(away).mul(-0.5).exp();
  return weight.div(weight.sum(2, { keepdim: true })) as Mixing;
};

/** Some images, drawn at random, are blurred by a Gaussian. */
export function blur({ sigma = 2, probability = 0.2 }: BlurOptions = {}): Augmentation {
  wantedOf("blur", "sigma", sigma, sigma > 0.1 && sigma < 100, "a number of pixels above 0.1");
  aProbability("blur", probability);
  return augmentation(
    "blur",
    { sigma, probability },
    {
      draw: (random) => {
        const blurred = random.chosen("blurred", probability);
        return random
          .uniform("sigma", (sigma + 0.1) / 2, (sigma - 0.1) / 2)
          .map((s, i) => (blurred[i] ? s : SHARP));
      },
      apply: (images, width) =>
        mixed(images, gaussians(width, images.size(2)), gaussians(width, images.size(3))),
    },
  );
}
