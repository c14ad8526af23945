/** @file Images one by one, each identity as often as any other. */

import { DESCRIPTION } from "../core/description.js";
import type { Sampler } from "../method/sampler.js";
import { IdentityStream } from "../plan/identity-stream.js";
import { wholeNumber } from "./options.js";

export interface BalancedOptions {
  /** Images a step. */
  images: number;
}

/**
 * Identities in turn, one of its images at random for each; one stream, `x`. Of long-tailed data those with few images come as often
 * as those with many. An epoch is as many images as there are.
 */
export function balanced({ images }: BalancedOptions): Sampler {
  wholeNumber("balanced", "images", images, 1);
  return {
    streams: { x: images },
    [DESCRIPTION]: { kind: "balanced", images },
    sampler: (offsets, seed) => {
      const stream = new IdentityStream(offsets, images, 1, seed);
      return {
        stepsPerEpoch: Math.max(1, Math.ceil(offsets[offsets.length - 1]! / images)),
        sample: (step) => {
          const chosen = new Int32Array(images);
          const labels = new Int32Array(images);
          stream.fill(step, chosen, labels);
          return { x: { images: chosen, labels } };
        },
      };
    },
  };
}
