/**
 * @file Who asks the device for OGMC: arrivals are looked up many at once, and placed by the rules one after the other, up to the first whose answer has aged by what was placed before
 * it. docs/ogmc.md, "Many at once", is the text beside this.
 */
import type { Tensor } from "../core/tensor.js";
import type { Left } from "../method/stage.js";
import type { BookState } from "../plan/book.js";
import { lowest, type Neighbour, type OgmcBook } from "../plan/ogmc-book.js";
import type { Call, Callable, Driver } from "./answered.js";

/** Some vectors are looked up; the place of the first may be taken by a cluster that a fusion has changed. */
export type LookPlan = {
  /** So many chunks of the rows of sums have all clusters. */
  readonly chunks: number;
  /** The changed cluster in its place; elsewhere `nobody`. */
  readonly changed: Int32Array;
  /** Where a vector stands. */
  readonly arrives: Uint8Array;
};

export type Looked = {
  /** The cluster that each joins, or -1; of the changed cluster nothing. */
  readonly joins: Tensor<readonly [number], "i64">;
  /** The clusters nearest to what each makes, the one that it is made of among them, and how near. */
  readonly near: Tensor<readonly [number, number], "i64">;
  readonly cosines: Tensor<readonly [number, number], "f32">;
  /** Whether none of those before it, placed as looked up, changes what is said of it. */
  readonly free: Tensor<readonly [number], "bool">;
};

/** Vectors enter the sums of clusters, then a cluster enters another. */
export type AddPlan = {
  /** The cluster that each vector enters; `nobody` of those that only fill the call up. */
  readonly into: Int32Array;
  readonly counts: Uint8Array;
  /** One number each, both `nobody` where nothing fuses. */
  readonly fused: Int32Array;
  readonly gone: Int32Array;
};

/** The functions for rounds of one size. */
export interface Round {
  /** Arrivals. */
  readonly size: number;
  readonly look: Callable<LookPlan, Looked>;
  readonly add: Callable<AddPlan, Record<string, never>>;
}

const NONE = -1;

export interface RoundsOptions {
  /** From the smallest to the largest. */
  readonly rounds: readonly Round[];
  /** The row of each vector of the stream. */
  readonly order: Int32Array;
  /** Rows of sums that the device compares at once. */
  readonly chunk: number;
  /** The row of sums that belongs to no cluster and stays 0. */
  readonly nobody: number;
  /** What the stage says of clusters and identities, both by row. */
  readonly left: (clusters: Int32Array, identities: Int32Array) => Left;
}

export class OgmcRounds implements Driver {
  /** Which of the rounds comes next. */
  private size = 0;
  /** The cluster that is to be settled before the next vector arrives: the last of a fusion. */
  private changed = NONE;
  /** Of the last round, what the device does not know yet. */
  private into: readonly number[] = [];
  private gone = NONE;
  private isLooking = false;

  constructor(
    private readonly book: OgmcBook,
    private readonly options: RoundsOptions,
  ) {}

  next(): Call | "wait" | "done" {
    if (this.isLooking) return "wait";
    if (this.into.length > 0 || this.gone !== NONE) return this.adding();
    if (this.changed === NONE && this.book.arrived === this.options.order.length) return "done";
    return this.looking();
  }

  /** What the last round has decided, as a call. */
  private adding(): Call {
    const { into, gone, changed, book } = this;
    const { rounds, order, nobody } = this.options;
    const { size, add } = rounds.find((round) => round.size >= into.length)!;
    const [rows, clusters, counts] = [
      new Int32Array(size),
      new Int32Array(size).fill(nobody),
      new Uint8Array(size),
    ];
    rows.set(order.subarray(book.arrived - into.length, book.arrived));
    clusters.set(into);
    counts.fill(1, 0, into.length);
    const fused = Int32Array.of(gone === NONE ? nobody : changed);
    this.into = [];
    this.gone = NONE;
    const plan = { into: clusters, counts, fused, gone: Int32Array.of(gone === NONE ? nobody : gone) };
    return add({ rows, plan, wants: [] }, () => {});
  }

  private looking(): Call {
    const { changed, book } = this;
    const { rounds, order, chunk, nobody } = this.options;
    const { size, look } = rounds[this.size]!;
    const first = changed === NONE ? 0 : 1;
    const arriving = order.subarray(book.arrived, book.arrived + size - first);
    const [rows, arrives] = [new Int32Array(size), new Uint8Array(size)];
    rows.set(arriving, first);
    arrives.fill(1, first, first + arriving.length);
    const plan = {
      chunks: Math.ceil(book.numbers / chunk),
      changed: new Int32Array(size).fill(nobody),
      arrives,
    };
    if (changed !== NONE) plan.changed[0] = changed;
    this.isLooking = true;
    return look({ rows, plan }, ({ joins, near, cosines, free }) => {
      this.isLooking = false;
      const width = near.length / size;
      const neighbours = (i: number): Neighbour[] =>
        Array.from({ length: width }, (_, k) => ({
          cluster: near[i * width + k]!,
          cosine: cosines[i * width + k]!,
        })).filter(({ cluster, cosine }) => {
          const own = i < first ? changed : joins[i]!;
          return cluster !== own && cosine >= lowest(book.rules);
        });
      this.place(first + arriving.length, joins, neighbours, free);
    });
  }

  /** Places those that were looked up, in order, up to the first whose answer has aged, or to a fusion. */
  private place(
    asked: number,
    joined: Int32Array,
    neighbours: (i: number) => readonly Neighbour[],
    free: Uint8Array,
  ): void {
    const touched = new Set<number>();
    const into: number[] = [];
    let done = 0;
    for (; done < asked && this.gone === NONE; done++) {
      const isArrival = done > 0 || this.changed === NONE;
      const near = neighbours(done);
      const joins = isArrival ? joined[done]! : NONE;
      // What joins a touched cluster is not free, as both make of it what lies within `fuse` of each other: but for rounding.
      const hasAged = !free[done] || touched.has(joins) || near.some(({ cluster }) => touched.has(cluster));
      if (hasAged) break;
      const cluster = isArrival ? this.book.join(joins) : this.changed;
      if (isArrival) into.push(cluster);
      this.changed = NONE;
      touched.add(cluster);
      const fusion = this.book.settle(cluster, near);
      if (fusion) [this.changed, this.gone] = [fusion.into, fusion.gone];
    }
    this.into = into;
    if (done === asked) this.size = Math.min(this.size + 1, this.options.rounds.length - 1);
    else if (4 * done < asked) this.size = Math.max(this.size - 1, 0);
  }

  progress(): string {
    const { options, book } = this;
    return `${book.arrived} of ${options.order.length} vectors, ${book.size} clusters`;
  }

  result(): Left {
    const { order, left } = this.options;
    const { clusters, identities } = this.book.found();
    const byRow = (groups: Int32Array) => {
      const rows = new Int32Array(order.length);
      for (const [vector, row] of order.entries()) rows[row] = groups[vector]!;
      return rows;
    };
    return left(byRow(clusters), byRow(identities));
  }

  state(): BookState {
    const { size, changed, gone } = this;
    return { ...this.book.state(), size, changed, gone, into: Int32Array.from(this.into) };
  }

  restore(state: BookState): void {
    const { size, changed, gone, into } = state as unknown as Saved;
    Object.assign(this, { size, changed, gone, into: [...into], isLooking: false });
    this.book.restore(state);
  }
}

interface Saved {
  readonly size: number;
  readonly changed: number;
  readonly gone: number;
  readonly into: Int32Array;
}
