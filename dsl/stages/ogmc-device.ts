/**
 * @file What the device does for OGMC, compiled: it keeps the sum of each cluster, looks for the nearest centroids in chunks, and adds vectors and clusters to sums. `ogmc-rounds`
 * says what for.
 */
import { normalize } from "../core/functions.js";
import * as ops from "../core/ops.generated.js";
import type { Images, Tensor } from "../core/tensor.js";

type Vector<D extends "f32" | "i64" | "bool" = "f32"> = Tensor<readonly [number], D>;
type Rows = Tensor<readonly [number, number], "f32">;

export interface Sums {
  /** Of the vectors of each cluster, by its number; rows without a cluster are 0. */
  readonly sums: Rows;
  /** One over the length of each, or 0: a vector's products with sums become cosines by these. */
  readonly scales: Vector;
}

/** Rows of `sums` that are compared at once. */
export interface Chunks {
  readonly chunk: number;
  /** So many chunks have all those in use. */
  readonly chunks: number;
}

/** Vectors of length 1, 0 where none counts. Compiled. */
export const unitRows = (rows: Images, counts: Vector<"bool">, dim: number): Rows =>
  normalize(rows.to("f32").reshape([-1, dim])).mul(counts.to("f32").unsqueeze(1)) as Rows;

/** Cosines of vectors with the centroids of a chunk. Compiled. */
const cosinesWith = ({ sums, scales }: Sums, x: Rows, start: number, chunk: number): Rows =>
  x.matmul(sums.narrow(0, start, chunk).transpose(0, 1)).mul(scales.narrow(0, start, chunk));

/** The nearest centroid of each vector; of equally near ones the first. Compiled. */
export const nearest = (state: Sums, x: Rows, { chunk, chunks }: Chunks) => {
  let cosine: Vector = ops.full([x.shape[0]], -1);
  let cluster: Vector<"i64"> = ops.full([x.shape[0]], 0, "i64");
  let first: Vector<"i64"> = ops.full([1], 0, "i64");
  for (let i = 0; i < chunks; i++) {
    const cosines = cosinesWith(state, x, i * chunk, chunk);
    const top: Vector = cosines.amax(1);
    cluster = ops.where(top.gt(cosine), cosines.argmax(1).add(first), cluster);
    cosine = ops.maximum(cosine, top);
    first = first.add(chunk);
  }
  return { cosine, cluster };
};

/** The `k` nearest centroids of each vector. Compiled. */
export const neighbours = (state: Sums, x: Rows, k: number, { chunk, chunks }: Chunks) => {
  let cosines: Rows = ops.full([x.shape[0], k], -1);
  let near: Tensor<readonly [number, number], "i64"> = ops.full([x.shape[0], k], 0, "i64");
  let first: Vector<"i64"> = ops.full([1], 0, "i64");
  for (let i = 0; i < chunks; i++) {
    const [top, at] = cosinesWith(state, x, i * chunk, chunk).topk(k);
    const [kept, which] = ops.cat([cosines, top], 1).topk(k);
    near = ops.cat([near, at.add(first)], 1).gather(which, 1);
    cosines = kept;
    first = first.add(chunk);
  }
  return { cosines, near };
};

/**
 * Whether each is unchanged by those before it: by what they make, none of them is nearer than the centroid that it joins, or than the threshold from which it would join one, and none is a
 * neighbour of what it makes itself. Compiled.
 */
export const isFree = (x: Rows, made: Rows, joinsFrom: Vector, lowest: number): Vector<"bool"> => {
  const place = ops.arange(x.shape[0]);
  const isEarlier = place.unsqueeze(0).lt(place.unsqueeze(1));
  const isNearer = x.matmul(made.transpose(0, 1)).ge(joinsFrom.unsqueeze(1));
  const meets = made.matmul(made.transpose(0, 1)).ge(lowest);
  return isNearer.logical_or(meets).logical_and(isEarlier).to("f32").amax(1).lt(0.5);
};

/** Adds each vector to the sum that it enters. Compiled. */
export const enter = ({ sums }: Sums, x: Rows, into: Vector<"i64">): void => {
  sums.index_copy_(into, sums.index_select(into).add(x));
};

/** Adds sums to others, and leaves 0. Compiled. */
export const fuse = ({ sums }: Sums, into: Vector<"i64">, gone: Vector<"i64">): void => {
  const rows = sums.index_select(gone);
  sums.index_copy_(into, sums.index_select(into).add(rows));
  sums.index_copy_(gone, rows.mul(0));
};

/** Makes the scales of sums that have changed. Compiled. */
export const rescale = ({ sums, scales }: Sums, changed: Vector<"i64">): void => {
  const length: Vector = sums.index_select(changed).norm(1);
  scales.index_copy_(changed, ops.where(length.gt(0), length.pow(-1), ops.full_like(length, 0)));
};
