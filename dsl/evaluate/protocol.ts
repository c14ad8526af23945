/**
 * @file A protocol: how a net is scored on people. It says which images it wants; the host embeds them to a matrix that it keeps,
 * and offers a few reductions of it (`View`); what these numbers amount to is the protocol's own arithmetic, in plain TypeScript.
 *
 * `verification.ts` and `identification.ts` are two of them. One of your own is an object of the same form, most easily made with
 * `protocol(kind, options, open)`; docs/evaluating.md shows one.
 */

import type { Every } from "../method/every.js";
import type { DataSource, ListedPairs, Names } from "../method/source.js";

/** Whom a protocol may draw from, and what it may find them by. */
export interface People {
  /** First image of each person, and the number of images at the end. */
  readonly offsets: Int32Array;
  /** The experiment's: a draw depends on it, on the other things here and on nothing else. */
  readonly seed: number;
  /** Names of the images, where the source has some: paths below its root, such as `Person_0/Person_0_0001.jpg`. */
  readonly names?: Names | undefined;
  /** Pairs that the source lists. */
  readonly pairs?: ListedPairs | undefined;
  /** The experiment's folder: relative paths of lists begin here. */
  readonly directory: string;
}

/** Rows that the host keeps. They are compared by their cosine, in float64; a row of zeros has a cosine of 0 with every other. */
export interface Rows {
  readonly count: number;
  /** How many numbers a row has. */
  readonly width: number;
  /** The cosine of each pair; `pairs` holds two rows a pair. */
  cosines(pairs: Int32Array): Promise<Float64Array>;
  /**
   * Of each query, a row, the `k` nearest of a gallery: of rows of this matrix, or of all rows of another. The nearest first; of
   * equally near ones, the one that stands before the other in the gallery.
   */
  topK(queries: Int32Array, gallery: Int32Array | Rows, k: number): Promise<Nearest>;
  /** New rows, the means of groups: row i has a part in group `groups[i]`, counted from 0, and in none where that is -1. */
  means(groups: Int32Array): Promise<Rows>;
  /** Some of these rows, in the order given; they are row 0, 1 … there. */
  some(rows: Int32Array): Rows;
  /** `count` new rows, in float64: weighted sums of rows, each of which may go into any number of them. */
  sums(count: number, parts: Parts): Promise<Rows>;
  /**
   * The `k` highest cosines of all pairs of a query, a row, and one of a gallery: of rows of this matrix, or of all rows of another. From the
   * highest down.
   */
  highest(queries: Int32Array, gallery: Int32Array | Rows, k: number): Promise<Float64Array>;
}

/** What is summed up: `weights[i]` times row `rows[i]` goes into sum `into[i]`. */
export interface Parts {
  readonly rows: Int32Array;
  readonly into: Int32Array;
  readonly weights: Float64Array;
  /** Each row counts at length 1. */
  readonly unit?: boolean;
  /** Added to the sums: one after the other, as long as rows are. */
  readonly plus?: Float64Array;
}

/** `k` places a query, one query after the other. */
export interface Nearest {
  /** Positions in the gallery. */
  readonly positions: Int32Array;
  readonly scores: Float64Array;
}

/** The images that a protocol wants, embedded: row i is image i of these. */
export interface View extends Rows {
  /** Rows whose image cannot be decoded, in rising order: another image of the same person stands in for each. */
  readonly broken: Int32Array;
}

/** A number, and how it is shown. */
export interface Figure {
  /** `null` where what there is cannot tell it; `note` says why. */
  readonly value: number | null;
  /** Standard deviation. */
  readonly std?: number;
  readonly as: "percent" | "plain";
  /** Which of two is the better one; the higher, if not given. */
  readonly better?: "lower";
  /** What stands behind it in the table at the end of a run. */
  readonly note?: string;
  /** It stands in files and not in the table: the note of another tells it. */
  readonly quiet?: boolean;
}

/** A number that another one's note tells. */
export const quiet = (value: number): Figure => ({ value, as: "plain", quiet: true });

export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
  readonly from: number;
  readonly to: number;
}

export interface Curve {
  readonly title: string;
  /** Curves of one name here stand in one figure, which is called by it; left out, a curve has a figure of its own. */
  readonly figure?: string;
  readonly x: Axis;
  readonly y: Axis;
  /** In rising order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Below this x what was measured cannot tell anything; `says` why. */
  readonly untold?: { readonly below: number; readonly says: string };
}

/** What stays of a measurement in the log, where the curves are too long. */
export interface Measured {
  /** By name, in the order in which they are shown. The first is the one by which nets are compared. */
  readonly numbers: Readonly<Record<string, Figure>>;
  /** Sentences that a reader needs beside the numbers. */
  readonly notes: readonly string[];
}

export interface Result extends Measured {
  /** By name, of which the file is called. */
  readonly curves: Readonly<Record<string, Curve>>;
}

/** A protocol that has drawn what it compares. */
export interface OpenedProtocol {
  /** The images to embed, as indices into the source. */
  readonly images: Int32Array;
  /** What else was drawn. Results of other images, or of others of these, say nothing beside these: that is told by a hash. */
  readonly drawn?: readonly (Int32Array | Uint8Array)[];
  /** What was drawn, in words, for `f2c-dsl check`: `36 genuine and 36 impostor pairs`. */
  readonly says?: string;
  /** Throws an ExperimentError where the images that can be decoded are too few. */
  score(view: View): Promise<Result>;
}

/** What every protocol can be asked. */
export interface EvaluateOptions {
  /** Also between the steps; the end of a run is always evaluated. */
  every?: Every;
  /** The people: those that this source holds out, or all that it has where it holds out none. Left out: the experiment's held-out people. */
  data?: DataSource;
  /** Embeddings are those of the image plus those of its mirror image. */
  flip?: boolean;
  /** Also measure the untrained net and raw pixels. */
  baselines?: boolean;
}

/** A way to score a net on people that training never saw. */
export interface Protocol {
  readonly kind: string;
  readonly every: Every | undefined;
  readonly data: DataSource | undefined;
  readonly flip: boolean;
  readonly baselines: boolean;
  /** What else it was asked for: a resumed run is compared by it, and results of other options say nothing beside these. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Draws what is compared. Throws an ExperimentError where the people are too few. */
  open(people: People): OpenedProtocol;
}

/** A protocol from its kind, its options (those of every protocol, and its own) and how it draws and scores. */
export const protocol = (
  kind: string,
  { every, data, flip = true, baselines = true, ...options }: EvaluateOptions & Record<string, unknown>,
  open: (people: People) => OpenedProtocol,
): Protocol => ({ kind, every, data, flip, baselines, options, open });

export const isProtocol = (value: unknown): value is Protocol =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as Protocol).kind === "string" &&
  typeof (value as Protocol).open === "function";
