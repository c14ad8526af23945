/** @file Images one by one, as a classifier over all identities is trained. */

import { DESCRIPTION } from "../core/description.js";
import type { Sampler } from "../method/sampler.js";
import { IdentityIndex } from "../plan/identity-stream.js";
import { InstanceStream } from "../plan/instance-stream.js";
import { wholeNumber } from "./options.js";

export interface InstancesOptions {
  /** Images a step. */
  images: number;
}

/** Every image once an epoch, in an order of the epoch's own; one stream, `x`. */
export function instances({ images }: InstancesOptions): Sampler {
  wholeNumber("instances", "images", images, 1);
  return {
    streams: { x: images },
    [DESCRIPTION]: { kind: "instances", images },
    sampler: (offsets, seed) => {
      const all = offsets[offsets.length - 1]!;
      const index = new IdentityIndex(offsets);
      const stream = new InstanceStream(all, images, seed);
      return {
        stepsPerEpoch: Math.max(1, Math.ceil(all / images)),
        sample: (step) => {
          const chosen = new Int32Array(images);
          const labels = new Int32Array(images);
          stream.fill(step, chosen);
          index.label(chosen, labels, 0);
          return { x: { images: chosen, labels } };
        },
      };
    },
  };
}
