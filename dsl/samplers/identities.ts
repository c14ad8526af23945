/** @file Some identities a step with some images of each: P x K, as losses on pairs and triplets want it. */

import { DESCRIPTION } from "../core/description.js";
import type { Sampler } from "../method/sampler.js";
import { IdentityStream } from "../plan/identity-stream.js";
import { enoughIdentities, wholeNumber } from "./options.js";

export interface IdentitiesOptions {
  /** Identities a step, all different. */
  identities: number;
  /** Images of each: different ones as long as it has enough. */
  each: number;
}

/**
 * `each` images of each of `identities` identities, one identity after the other; one stream, `x`. Every identity comes once an
 * epoch, whatever its number of images.
 */
export function identities({ identities: people, each }: IdentitiesOptions): Sampler {
  wholeNumber("identities", "identities", people, 1);
  wholeNumber("identities", "each", each, 1);
  return {
    streams: { x: people * each },
    [DESCRIPTION]: { kind: "identities", identities: people, each },
    sampler: (offsets, seed) => {
      const count = offsets.length - 1;
      enoughIdentities("identities", people, count);
      const stream = new IdentityStream(offsets, people, each, seed);
      const who = new Int32Array(people);
      return {
        stepsPerEpoch: Math.max(1, Math.ceil(count / people)),
        sample: (step) => {
          const images = new Int32Array(people * each);
          stream.fill(step, images, who);
          const labels = images.map((_, i) => who[Math.floor(i / each)]!);
          return { x: { images, labels } };
        },
      };
    },
  };
}
