/**
 * @file The dual sampler of F2C: each step mixes identities drawn uniformly, two images of each, with images drawn uniformly.
 *
 * Stream x holds one image of each identity and half of the instances, stream y the other image and the other half. Which
 * images a step gets is a pure function of (seed, step): the order of an epoch is a keyed permutation, never stored.
 */

import { DESCRIPTION } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import type { Sampler } from "../method/sampler.js";
import { IdentityIndex, IdentityStream } from "../plan/identity-stream.js";
import { InstanceStream } from "../plan/instance-stream.js";
import { enoughIdentities, wholeNumber } from "./options.js";

export interface DualOptions {
  /** Identities a step, two images of each (the same one twice where there is only one). */
  identities: number;
  /** Images a step from the instance stream, which sees every image once an epoch. Even. */
  instances: number;
}

export function dual({ identities, instances }: DualOptions): Sampler {
  wholeNumber("dual", "identities", identities, 0);
  wholeNumber("dual", "instances", instances, 0);
  if (instances % 2 !== 0) throw experimentError("bad-loader.odd", { instances });
  if (identities + instances === 0) throw experimentError("bad-loader.no-images", {});
  const half = instances / 2;
  const size = identities + half;
  return {
    streams: { x: size, y: size },
    [DESCRIPTION]: { kind: "dual", identities, instances },
    sampler: (offsets, seed) => {
      const images = offsets[offsets.length - 1]!;
      const count = offsets.length - 1;
      enoughIdentities("dual", identities, count);
      const index = new IdentityIndex(offsets);
      const byIdentity = new IdentityStream(offsets, identities, 2, seed);
      const byInstance = new InstanceStream(images, instances, seed);
      const people = new Int32Array(identities);
      const pairs = new Int32Array(2 * identities);
      const singles = new Int32Array(instances);
      const stream = (which: 0 | 1) => {
        const chosen = new Int32Array(size);
        const own = singles.subarray(which * half, (which + 1) * half);
        for (let i = 0; i < identities; i++) chosen[i] = pairs[2 * i + which]!;
        chosen.set(own, identities);
        const labels = new Int32Array(size);
        labels.set(people);
        index.label(own, labels, identities);
        return { images: chosen, labels };
      };
      return {
        stepsPerEpoch: Math.max(1, Math.ceil(instances > 0 ? images / instances : count / identities)),
        sample: (step) => {
          byIdentity.fill(step, pairs, people);
          byInstance.fill(step, singles);
          return { x: stream(0), y: stream(1) };
        },
      };
    },
  };
}
