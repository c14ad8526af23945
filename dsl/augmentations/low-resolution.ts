/** @file Images as a camera sees them from afar. */

import * as ops from "../core/ops.generated.js";
import { type Augmentation, augmentation } from "../method/augmentation.js";
import { aProbability, wantedOf } from "./options.js";
import type { Reals } from "./resample.js";
import { type Mixing, mixed } from "./separable.js";

export interface LowResolutionOptions {
  /** The smallest size, as a share of the image's: 0.2 of 112 pixels are 22. */
  smallest?: number;
  /** Images that lose resolution; the others stay as they are. */
  probability?: number;
}

/**
 * From a row of `size` pixels to one of 1/scale as many, and back: each small pixel is the mean of the `scale` pixels that it
 * covers, parts of pixels counting in part; what is between two small pixels is interpolated. A scale of 1 is the identity.
 */
const downAndUp = (scale: Reals, size: number): Mixing => {
  const s = scale.reshape([-1, 1, 1]);
  const index = ops.arange(size).to("f32");
  // As many small pixels as there could be; those beyond the last hold nothing, and nobody asks for them.
  const cell = index.reshape([1, -1, 1]);
  const pixel = index.reshape([1, 1, -1]);
  const begin = ops.maximum(cell.mul(s), pixel);
  const end = ops.minimum(cell.add(1).mul(s).clamp({ max: size }), pixel.add(1));
  const covered = end.sub(begin).clamp({ min: 0 });
  const means = covered.div(covered.sum(2, { keepdim: true }).clamp({ min: 1e-6 }));
  // Where each pixel's middle lies among the small ones, which reach from the middle of the first to that of the last.
  const last = s.pow(-1).mul(size).sub(1);
  const at = ops.minimum(index.reshape([1, -1, 1]).add(0.5).div(s).sub(0.5).clamp({ min: 0 }), last);
  const near = at.sub(pixel).abs().neg().add(1).clamp({ min: 0 });
  return near.matmul(means) as Mixing;
};

/** Some images, drawn at random, are reduced and enlarged again. */
export function lowResolution({
  smallest = 0.2,
  probability = 0.2,
}: LowResolutionOptions = {}): Augmentation {
  wantedOf(
    "lowResolution",
    "smallest",
    smallest,
    smallest > 0 && smallest <= 1,
    "a share above 0 and at most 1",
  );
  aProbability("lowResolution", probability);
  return augmentation(
    "lowResolution",
    { smallest, probability },
    {
      draw: (random) => {
        const lowered = random.chosen("lowered", probability);
        const share = random.uniform("share", (1 + smallest) / 2, (1 - smallest) / 2);
        return share.map((s, i) => (lowered[i] ? 1 / s : 1));
      },
      apply: (images, scale) =>
        mixed(images, downAndUp(scale, images.size(2)), downAndUp(scale, images.size(3))),
    },
  );
}
