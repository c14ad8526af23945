/**
 * @file The dual loader: each step mixes identities drawn uniformly, two images of each, with images drawn uniformly.
 *
 * Stream x holds one image of each identity and half of the instances, stream y the other image and the other half. Which
 * images a step gets is a pure function of (seed, step): the order of an epoch is a keyed permutation, never stored.
 */
import { ExperimentError } from "../errors.js";
import { pixelsToImages } from "../functions.js";
import type { PlannedBatch, PlannedImages } from "../method.js";
import * as ops from "../ops.generated.js";
import { randomU32 } from "../plan/counter-random.js";
import { IdentityStream, labelOf } from "../plan/identity-stream.js";
import { InstanceStream } from "../plan/instance-stream.js";
import type { Images, Tensor } from "../tensor.js";

/** A stream's images of one step, and which of them are mirrored. */
export interface LoadedImages extends PlannedImages {
  readonly flip: Uint8Array;
}

/** A loader opened on a data source: what each step gets. */
export interface LoaderBook {
  readonly stepsPerEpoch: number;
  batch(step: number): Readonly<Record<string, LoadedImages>> & PlannedBatch;
}

type Pixels = Tensor<readonly [number, number, number, number], "u8">;

export interface Loader {
  /** Images a step, by stream. */
  readonly streams: Readonly<Record<string, number>>;
  /** `offsets`: first image of each identity, and the number of images at the end. */
  open(offsets: Int32Array, seed: number): LoaderBook;
  /** Compiled: from pixels to what the net sees. */
  readonly prepare: (pixels: Pixels, flip: Tensor<readonly [number], "bool">) => Images;
}

export interface DualOptions {
  /** Identities a step, two images of each (the same one twice where there is only one). */
  identities: number;
  /** Images a step from the instance stream, which sees every image once an epoch. Even. */
  instances: number;
  /** Whether half of the images, drawn at random, are mirrored. */
  flip?: boolean;
}

const FLIP_STREAM = 0x666c6970;

/** Normalises pixels, and mirrors the images that the plan says. Compiled. */
export const prepared = (pixels: Pixels, flip: Tensor<readonly [number], "bool">): Images => {
  const images = pixelsToImages(pixels) as Images;
  return ops.where(flip.reshape([-1, 1, 1, 1]), images.flip([3]), images) as Images;
};

export function dual({ identities, instances, flip = true }: DualOptions): Loader {
  const wrong =
    !Number.isInteger(identities) ||
    identities < 0 ||
    !Number.isInteger(instances) ||
    instances < 0 ||
    instances % 2 !== 0 ||
    identities + instances === 0;
  if (wrong)
    throw new ExperimentError(
      "F2C2208",
      `dual: identities ${identities}, instances ${instances}`,
      "give whole numbers, an even number of instances, and not both 0",
    );
  const half = instances / 2;
  const size = identities + half;
  return {
    streams: { x: size, y: size },
    prepare: prepared,
    open: (offsets, seed) => {
      const images = offsets[offsets.length - 1]!;
      const people = offsets.length - 1;
      if (people < identities) {
        throw new ExperimentError(
          "F2C2209",
          `dual: ${identities} identities a step, but the data source has ${people}`,
          "lower `identities`, or add data",
        );
      }
      const byIdentity = new IdentityStream(offsets, identities, 2, seed);
      const byInstance = new InstanceStream(images, instances, seed);
      const pairs = new Int32Array(2 * identities);
      const singles = new Int32Array(instances);
      const stream = (step: number, which: 0 | 1): LoadedImages => {
        const chosen = new Int32Array(size);
        for (let i = 0; i < identities; i++) chosen[i] = pairs[2 * i + which]!;
        chosen.set(singles.subarray(which * half, (which + 1) * half), identities);
        const mirrored = new Uint8Array(size);
        if (flip)
          for (let i = 0; i < size; i++)
            mirrored[i] = randomU32(seed, FLIP_STREAM + which, step * size + i) & 1;
        return { images: chosen, labels: chosen.map((image) => labelOf(offsets, image)), flip: mirrored };
      };
      return {
        stepsPerEpoch: Math.max(1, Math.ceil(instances > 0 ? images / instances : people / identities)),
        batch: (step) => {
          byIdentity.fill(step, pairs);
          byInstance.fill(step, singles);
          return { x: stream(step, 0), y: stream(step, 1) };
        },
      };
    },
  };
}
