/** @file Faces that are drawn when they are needed. */
import { experimentError } from "../core/errors.js";
import { type Catalogue, type DataSource, offsetsOf } from "../method/source.js";
import type { ImagesPerIdentity } from "../plan/images-per-identity.js";

const whole = (option: string, value: number, low: number): number => {
  if (!Number.isInteger(value) || value < low) refuse(option, value, `a whole number from ${low} up`);
  return value;
};

const refuse = (option: string, value: number, wanted: string): never => {
  throw experimentError("bad-data-option", {
    function: "syntheticFaces",
    option,
    value: String(value),
    wanted,
  });
};

export interface SyntheticFacesOptions {
  identities: number;
  imagesPerIdentity: ImagesPerIdentity;
  /** Edge of the square images in pixels. */
  size: number;
  seed?: number;
  channels?: 1 | 3;
  /** 0: all images of a person look nearly alike; 1: pose, light and occlusion hide most of the face. */
  difficulty?: number;
  /** People kept back for verification, beside those to train on, and images of each. */
  heldOut?: { identities: number; images: number };
}

/**
 * Faces that are drawn when they are needed: any number of identities, no disk space, and the same pictures for everybody
 * with the same seed.
 */
export function syntheticFaces(options: SyntheticFacesOptions): DataSource {
  const {
    identities,
    imagesPerIdentity,
    size,
    seed = 0,
    channels = 3,
    difficulty = 0.5,
    heldOut = { identities: 100, images: 6 },
  } = options;
  whole("identities", identities, 1);
  whole("size", size, 16);
  whole("heldOut.identities", heldOut.identities, 0);
  whole("heldOut.images", heldOut.images, heldOut.identities > 0 ? 1 : 0);
  if (!(difficulty >= 0 && difficulty <= 1)) refuse("difficulty", difficulty, "a number from 0 to 1");
  const catalogue = (counts: Int32Array, firstIdentity: number): Catalogue => ({
    spec: { kind: "synthetic_faces", seed, size, channels, difficulty, firstIdentity },
    offsets: offsetsOf(counts),
    shape: [channels, size, size],
    buffers: { counts },
  });
  return {
    kind: "synthetic_faces",
    open: () => ({
      train: catalogue(imagesPerIdentity.counts(identities, seed), 0),
      heldOut: catalogue(new Int32Array(heldOut.identities).fill(heldOut.images), identities),
    }),
  };
}
