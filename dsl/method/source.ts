/** @file Where images come from. A source is a description; the host opens it. */
import { experimentError } from "../core/errors.js";
import type { Stage } from "./stage.js";

/** What is read where the names of many things are needed at once. */
export interface Names {
  readonly length: number;
  slice(first: number, end: number): readonly string[];
}

/** What a person of a set is called, where people or images have names; of the latter it is the part before the last slash. */
export function personOf(
  { people, names, offsets }: Pick<Catalogue, "people" | "names" | "offsets">,
  person: number,
): string | undefined {
  if (people) return people.slice(person, person + 1)[0];
  const name = names?.slice(offsets[person]!, offsets[person]! + 1)[0];
  return name?.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/** Pairs of images that come with a set, as in the verification sets of insightface (`.bin`), in the order in which they are listed. */
export interface ListedPairs {
  /** Positions of images, two a pair. */
  readonly positions: Int32Array;
  /** 1 where both show the same person, of each pair. */
  readonly same: Uint8Array;
}

/** One set of images, as the planner and the host need it. */
export interface Catalogue {
  /** What the host is told: its kind and options. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** The options of `spec` that say where the images lie, not which they are: a run goes on where these have changed. */
  readonly places?: readonly string[];
  /** First image index of each identity, and the number of images at the end. Length identities + 1. */
  readonly offsets: Int32Array;
  readonly shape: readonly [channels: number, height: number, width: number];
  /** Names of the images, where they have some, by position: paths below the source's root. */
  readonly names?: Names;
  /** Names of the people, by number, where they have some. */
  readonly people?: Names;
  /** Pairs that the source itself lists. A part of the source has none: positions in it are others. */
  readonly pairs?: ListedPairs;
  /** Eight bytes for each of some identities, which tell the names of its images from others, where that is cheaper than the names. */
  readonly digests?: (first: number, end: number) => Uint8Array;
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

/** Files of many images that the host reads into an index: of which kind they are, and where the index is to lie. */
export interface HostScan extends Readonly<Record<string, unknown>> {
  readonly kind: string;
  readonly index: string;
  readonly paths: readonly string[];
}

/** What a source is given when it is opened. */
export interface OpeningContext {
  /** Relative paths begin here. */
  readonly directory: string;
  /** A folder where something may be kept from run to run. */
  readonly cache?: string | undefined;
  /** Tells the user how far something long has come. */
  readonly tell?: ((line: string) => void) | undefined;
  /** Makes the index of files that only the host can read, and waits for it. Refuses as the host does. */
  readonly scan?: ((scan: HostScan) => void) | undefined;
  /** What a stage of the study makes, as its kind tells it to those that are made from it; nothing where no study makes it. */
  readonly made?: ((stage: Stage) => unknown) | undefined;
}

/** A data source: people to train on, and people kept back for verification. */
export interface DataSource {
  readonly kind: string;
  /** Opened once, before the program is built; may read the file system. */
  open(context: OpeningContext): OpenedData;
  /** The stages of the study that make what it reads. */
  readonly needs?: readonly Stage[];
}

/** From the number of images of each identity to where its images begin. */
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
