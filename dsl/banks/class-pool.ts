/**
 * @file The Dynamic Class Pool: a bank of class centres made of features, with room for `capacity` identities.
 *
 * Its tensors are `rows` matrices [capacity + 1, D] of unit rows. The last slot, the spill, belongs to no identity: padding
 * of a plan points there, so that every step writes and patches the same number of slots. Its book says who sits where.
 */
import { described } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import { unitRows } from "../core/initialisers.js";
import { type Stored, state } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import type { Features, Tensor } from "../core/tensor.js";
import { type Bookkept, bookkept } from "../method/bookkept.js";
import type { Classes, Index } from "../method/classes.js";
import { PoolBook, type PoolPass } from "../plan/pool-book.js";

export interface ClassPoolOptions {
  /** Slots: a whole number, or a share of the identities below 1. */
  capacity: number;
  /** Features kept of each identity. With two, a second look at an identity goes into the other row. */
  rows?: 1 | 2;
  /**
   * Which identity a full pool evicts: the one seen least recently, or the one that entered first. An identity that the
   * running pass has seen is never evicted; the first of the others is.
   */
  evict?: "lru" | "fifo";
  /** The rows of slots without an identity: spread over the sphere, or over the positive orthant as in the F2C code. */
  init?: "normal" | "uniform";
  /**
   * How a row is kept: in bf16 the pool takes half the memory, and half the time to read, for numbers of 8 bits; they are computed
   * with in f32.
   */
  dtype?: "f32" | "bf16";
  /** Leaves slots without an identity out of the negatives. The F2C code has them in. */
  maskUnfilled?: boolean;
}

type PoolDType = "f32" | "bf16";
type Rows = { readonly rows: readonly Stored<readonly [number, number], PoolDType>[] };
export type ClassPool = Bookkept<Rows, PoolBook> & {
  readonly capacity: number;
  readonly dtype: PoolDType;
  readonly maskUnfilled: boolean;
};

/** A class pool of `capacity` slots for features of length `dim`, among `identities` identities. */
export function classPool(options: ClassPoolOptions & { dim: number; identities: number }): ClassPool {
  const { dim, identities, rows = 2, evict = "lru", init = "normal", maskUnfilled = true } = options;
  const { dtype = "f32" } = options;
  const capacity = options.capacity < 1 ? Math.ceil(options.capacity * identities) : options.capacity;
  if (!Number.isInteger(capacity) || capacity < 1) {
    throw experimentError("bad-pool-capacity", { capacity: options.capacity });
  }
  const row = () => state([capacity + 1, dim], unitRows(init), dtype);
  const pool = bookkept(
    { rows: Array.from({ length: rows }, row) },
    () => new PoolBook(capacity, { rows, evict }),
  );
  return described(
    { ...pool, capacity, dtype, maskUnfilled },
    { kind: "class pool", capacity, rows, evict, init, dtype, maskUnfilled },
  );
}

/** One pass's plan, of static sizes: n gallery rows enter, m probe rows look for their class. */
export const passPlan = (pool: { capacity: number; maskUnfilled: boolean }, pass: PoolPass) => ({
  /** The slots that the pass touches, each once; the rest is the spill. */
  touched: pass.touched,
  /** For each of them: which gallery row ends up in pool row 0, and whether one does. */
  source0: pass.source0,
  fresh0: pass.fresh0,
  source1: pass.source1,
  fresh1: pass.fresh1,
  /** Identities that the pass found in the pool: their second centre counts too. */
  dual: pass.dual,
  /** Slot of each probe row's identity, -1 outside the pool. */
  target: pass.target,
  place: pass.place,
  /** Slots from this index on have no identity yet. */
  limit: pool.maskUnfilled ? pass.filled : pool.capacity,
  /** Probe rows inside and outside the pool. */
  inside: pass.inPool,
  outside: pass.target.length - pass.inPool,
});
type Mask = Tensor<readonly [number], "bool">;
/** `passPlan` as a compiled function sees it. */
export interface PassTensors {
  readonly touched: Index;
  readonly source0: Index;
  readonly fresh0: Mask;
  readonly source1: Index;
  readonly fresh1: Mask;
  readonly dual: Mask;
  readonly target: Index;
  readonly place: Index;
  readonly limit: number;
  readonly inside: number;
  readonly outside: number;
}
type PoolTensors = { readonly rows: readonly Tensor<readonly [number, number], PoolDType>[] };

const pick = (mask: Mask, fresh: Features, old: Features): Features =>
  ops.where(mask.unsqueeze(1), fresh, old);

/** Some rows of the pool, in f32. */
const kept = (pool: PoolTensors, row: number, slots: Index): Features =>
  pool.rows[row]!.index_select(slots).to("f32");

/** The touched slots as the pass leaves them: row 0, and row 1 where there is one. Compiled. */
export const touchedRows = (pool: PoolTensors, gallery: Features, pass: PassTensors) => {
  const first = pick(pass.fresh0, gallery.index_select(pass.source0), kept(pool, 0, pass.touched));
  const second =
    pool.rows.length > 1
      ? pick(pass.fresh1, gallery.index_select(pass.source1), kept(pool, 1, pass.touched))
      : first;
  return { first, second };
};

/**
 * The classes of a pass, as it leaves the pool, without writing to it: `first` sees row 0 everywhere, `second` row 1 of the dual
 * slots. Compiled.
 */
export const passClasses = (
  pool: PoolTensors,
  rows: { first: Features; second: Features },
  pass: PassTensors,
): { first: Classes; second: Classes } => {
  const standing = kept(pool, 0, pass.target.clamp({ min: 0 }));
  const isTouched = pass.place.ge(0).unsqueeze(1);
  const place = pass.place.clamp({ min: 0 });
  const seen = (patch: Features): Classes => ({
    rows: pool.rows[0]!,
    target: pass.target,
    own: ops.where(isTouched, patch.index_select(place), standing),
    limit: pass.limit,
    touched: pass.touched,
    patch,
  });
  return { first: seen(rows.first), second: seen(pick(pass.dual, rows.second, rows.first)) };
};

/** Writes the touched slots into the pool, whose rows are kept as `dtype`. Compiled; stands after the loss. */
export const writeRows = (
  pool: PoolTensors,
  rows: { first: Features; second: Features },
  pass: PassTensors,
  dtype: PoolDType = "f32",
): void => {
  pool.rows[0]!.index_copy_(pass.touched, rows.first.to(dtype));
  if (pool.rows.length > 1) pool.rows[1]!.index_copy_(pass.touched, rows.second.to(dtype));
};
