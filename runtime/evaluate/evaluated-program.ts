/** @file What an evaluation asks of a program in a host: images to a matrix that the host keeps, and a few reductions of it. */
import type { Nearest, Parts } from "../../dsl/index.js";

/** Images of a source: through a function of the program, or as they are, less their mean. */
export interface Wanted {
  readonly source: string;
  readonly function: string | null;
  readonly batch: number;
  readonly images: Int32Array;
  /** What becomes of the images before the function gets them; absent: nothing. */
  readonly feeding?: Feeding | undefined;
  /** Adds what the function makes of the mirror image: of rows as they are, or each of length 1 first. */
  readonly flip?: "rows" | "unit" | undefined;
}

/** `(x - mean) / scale` in the type, of images whose channels were put the other way round first; one number for all channels, or one each. */
export interface Feeding {
  readonly reversed: boolean;
  readonly type: "uint8" | "float32";
  readonly mean: readonly number[];
  readonly scale: readonly number[];
}

/** A matrix in a host. Every method rejects with a BridgeError. */
export interface HostedMatrix {
  /** How many numbers a row has. */
  readonly width: number;
  /** The cosine of each pair of rows; two rows a pair. */
  cosines(pairs: Int32Array): Promise<Float64Array>;
  /** Of each of the rows `queries` the `k` nearest of the rows `among` of a gallery, as positions in `among`. */
  topK(queries: Int32Array, gallery: HostedMatrix, among: Int32Array, k: number): Promise<Nearest>;
  /** `count` rows, each the mean of the rows whose group it is. */
  means(groups: Int32Array, count: number): Promise<HostedMatrix>;
  /** `count` rows, each the sum of the parts that go into it. */
  sums(count: number, parts: Parts): Promise<HostedMatrix>;
  /** The `k` highest cosines of all pairs of a row of `queries` and a gallery's row of `among`, falling. */
  highest(queries: Int32Array, gallery: HostedMatrix, among: Int32Array, k: number): Promise<Float64Array>;
  /** The rows from `first` on, one after the other. */
  rows(first: number, count: number): Promise<Float32Array>;
  /** The host forgets it. */
  release(): Promise<void>;
}

export interface Embedded {
  /** A row an image. */
  readonly matrix: HostedMatrix;
  /** Rows whose image cannot be decoded, and for which others stand in. */
  readonly broken: Int32Array;
}

/** A program in a host, as far as an evaluation needs it. */
export interface EvaluatedProgram {
  embed(wanted: Wanted): Promise<Embedded>;
}
