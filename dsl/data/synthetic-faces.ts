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
  /**
   * A share of the images to train on are near-duplicates: the image before of the same person once more, with `change` of the way to what
   * would have been drawn (pose, light, surroundings), from 0, the same picture, to 1, another one.
   */
  duplicates?: { share: number; change: number };
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
    duplicates,
  } = options;
  whole("identities", identities, 1);
  whole("size", size, 16);
  whole("heldOut.identities", heldOut.identities, 0);
  whole("heldOut.images", heldOut.images, heldOut.identities > 0 ? 1 : 0);
  if (!(difficulty >= 0 && difficulty <= 1)) refuse("difficulty", difficulty, "a number from 0 to 1");
  for (const [option, value] of Object.entries(duplicates ?? {}))
    if (!(value >= 0 && value <= 1)) refuse(`duplicates.${option}`, value, "a number from 0 to 1");
  const repeated = duplicates && { duplicateShare: duplicates.share, duplicateChange: duplicates.change };
  const catalogue = (counts: Int32Array, firstIdentity: number, more = {}): Catalogue => ({
    spec: { kind: "synthetic_faces", seed, size, channels, difficulty, firstIdentity, ...more },
    offsets: offsetsOf(counts),
    shape: [channels, size, size],
    buffers: { counts },
  });
  return {
    kind: "synthetic_faces",
    open: () => ({
      train: catalogue(imagesPerIdentity.counts(identities, seed), 0, repeated),
      heldOut: catalogue(new Int32Array(heldOut.identities).fill(heldOut.images), identities),
    }),
  };
}
