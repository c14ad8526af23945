/** @file Where images come from. A source is a description; the host opens it. */
import { experimentError } from "../errors.js";
import type { ImagesPerIdentity } from "../plan/images-per-identity.js";
import type { Names } from "./index-file.js";

/** One set of images, as the planner and the host need it. */
export interface Catalogue {
  /** What the host is told: its kind and options. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** First image index of each identity, and the number of images at the end. Length identities + 1. */
  readonly offsets: Int32Array;
  readonly shape: readonly [channels: number, height: number, width: number];
  /** Names of the images, where they have some, by position: paths below the source's root. */
  readonly names?: Names;
  /** What the images are made of: pixels from 0 to 255 if absent, rows of a matrix as they are. */
  readonly dtype?: "f32";
  /** Buffers that go with the spec. */
  readonly buffers: Readonly<Record<string, Int32Array>>;
}

/** A data source, opened. */
export interface OpenedData {
  readonly train: Catalogue;
  readonly heldOut: Catalogue;
  /** Lines for the user that are not errors: what was skipped, and why. */
  readonly notes?: readonly string[];
}

/** What a stage has made, for one that takes it as its data. */
export interface MadeEmbeddings {
  /** The file with the matrix, or where it will be. */
  readonly path: string;
  /** The length of an embedding. */
  readonly columns: number;
  /** Of everything that decides what the matrix holds. */
  readonly hash: string;
}

/** What a source is given when it is opened. */
export interface OpeningContext {
  /** Relative paths begin here. */
  readonly directory: string;
  /** A folder where something may be kept from run to run. */
  readonly cache?: string | undefined;
  /** Tells the user how far something long has come. */
  readonly tell?: ((line: string) => void) | undefined;
  /** What a stage of the study makes that is a source. */
  readonly made?: ((source: DataSource) => MadeEmbeddings | undefined) | undefined;
}

/** A data source: people to train on, and people kept back for verification. */
export interface DataSource {
  readonly kind: string;
  /** Opened once, before the program is built; may read the file system. */
  open(context: OpeningContext): OpenedData;
  /** The sources that stages of the study make and that it reads. */
  readonly needs?: readonly DataSource[];
}

export const offsetsOf = (counts: Int32Array): Int32Array => {
  const offsets = new Int32Array(counts.length + 1);
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    total += counts[i]!;
    if (total > 0x7fff_ffff) throw experimentError("too-many-images", {});
    offsets[i + 1] = total;
  }
  return offsets;
};

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
