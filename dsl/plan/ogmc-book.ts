/**
 * @file The rules of OGMC (arXiv 2103.17272): which vectors are a cluster, which clusters fuse, which connect. docs/ogmc.md is the table of
 * these rules, and the numbers here are its numbers. No tensors: who computes cosines tells them.
 */
import type { BookState } from "./book.js";

export interface OgmcRules {
  /** Cosine from which a vector joins a cluster and two clusters fuse. */
  readonly fuse: number;
  /** Cosine from which a robust cluster and one that is not connect. */
  readonly connectMixed: number;
  /** Cosine from which two robust clusters connect. */
  readonly connectRobust: number;
  /** Vectors that make a cluster robust. */
  readonly robust: number;
  /** Connections of a robust cluster at most. */
  readonly most: number;
  /** Clusters that a changed cluster is compared with, at most. */
  readonly compared: number;
}

/** A cluster, seen from another one. */
export interface Neighbour {
  readonly cluster: number;
  /** Of the centroids of the two. */
  readonly cosine: number;
}

/** `gone` has become part of `into`. */
export interface Fusion {
  readonly into: number;
  readonly gone: number;
}

interface Cluster {
  /** How many vectors it has; which, say `first`, and the book's `next` from one to the next up to `last`. */
  count: number;
  first: number;
  last: number;
  /** The strongest first. */
  connections: readonly Neighbour[];
}

const NONE = -1;

/** Of two neighbours of a cluster, the stronger first. */
export const byStrength = (a: Neighbour, b: Neighbour): number =>
  b.cosine - a.cosine || a.cluster - b.cluster;

/** Cosine from which a cluster has to do with another one at all. */
export const lowest = ({ fuse, connectMixed, connectRobust }: OgmcRules): number =>
  Math.min(fuse, connectMixed, connectRobust);

export class OgmcBook {
  /** By number; those that are free have none. */
  private clusters: (Cluster | undefined)[] = [];
  private free: number[] = [];
  /** The vector that comes after each in its cluster. */
  private next: Int32Array;
  private vectors = 0;

  /** For so many vectors at most. */
  constructor(
    readonly rules: OgmcRules,
    vectors: number,
  ) {
    this.next = new Int32Array(vectors).fill(NONE);
  }

  /** How many vectors have arrived. */
  get arrived(): number {
    return this.vectors;
  }

  /** Numbers in use, and free ones below them. */
  get numbers(): number {
    return this.clusters.length;
  }

  /** How many clusters there are. */
  get size(): number {
    return this.clusters.length - this.free.length;
  }

  /** Rule 1: the next vector joins a cluster, or is one of its own where `strongest` is -1. Returns the cluster, which is to be settled. */
  join(strongest: number): number {
    const vector = this.vectors++;
    if (strongest === NONE) {
      const number = this.free.pop() ?? this.clusters.length;
      this.clusters[number] = { count: 1, first: vector, last: vector, connections: [] };
      return number;
    }
    const cluster = this.cluster(strongest);
    this.next[cluster.last] = vector;
    cluster.last = vector;
    cluster.count++;
    return strongest;
  }

  /** Rules 3 to 6 for a changed cluster and all others from the lowest threshold on. After a fusion, the fused cluster is to be settled. */
  settle(changed: number, near: readonly Neighbour[]): Fusion | undefined {
    this.disconnect(changed);
    const compared = near
      .filter(({ cosine }) => cosine >= lowest(this.rules))
      .sort(byStrength)
      .slice(0, this.rules.compared);
    const partner = compared.find(
      ({ cluster, cosine }) =>
        cosine >= this.rules.fuse && !(this.isRobust(changed) && this.isRobust(cluster)),
    );
    if (partner) return this.fuse(changed, partner.cluster);
    for (const other of compared) {
      if (this.cluster(changed).connections.length === this.limit(changed)) break;
      if (other.cosine >= this.threshold(changed, other.cluster)) this.connect(changed, other);
    }
    return undefined;
  }

  isRobust(number: number): boolean {
    return this.cluster(number).count >= this.rules.robust;
  }

  /** Vectors of a cluster. */
  countOf(number: number): number {
    return this.cluster(number).count;
  }

  /** The strongest first. */
  connectionsOf(number: number): readonly Neighbour[] {
    return this.cluster(number).connections;
  }

  /** Rule 5a. */
  private fuse(a: number, b: number): Fusion {
    const into = this.isRobust(a) || (!this.isRobust(b) && a < b) ? a : b;
    const gone = into === a ? b : a;
    this.disconnect(into);
    this.disconnect(gone);
    const [left, joined] = [this.cluster(gone), this.cluster(into)];
    this.next[joined.last] = left.first;
    joined.last = left.last;
    joined.count += left.count;
    this.clusters[gone] = undefined;
    this.free.push(gone);
    return { into, gone };
  }

  /** Rule 6a: the cosine from which two clusters connect. */
  private threshold(a: number, b: number): number {
    const robust = Number(this.isRobust(a)) + Number(this.isRobust(b));
    return [Number.POSITIVE_INFINITY, this.rules.connectMixed, this.rules.connectRobust][robust]!;
  }

  private limit(number: number): number {
    return this.isRobust(number) ? this.rules.most : 1;
  }

  /** Rule 6b. */
  private connect(changed: number, { cluster: other, cosine }: Neighbour): void {
    const seen: Neighbour = { cluster: changed, cosine };
    const { connections } = this.cluster(other);
    if (connections.length === this.limit(other)) {
      const weakest = connections.at(-1);
      if (!weakest || byStrength(seen, weakest) > 0) return;
      this.drop(other, weakest.cluster);
      this.drop(weakest.cluster, other);
    }
    this.keep(other, seen);
    this.keep(changed, { cluster: other, cosine });
  }

  private disconnect(number: number): void {
    const cluster = this.cluster(number);
    for (const other of cluster.connections) this.drop(other.cluster, number);
    cluster.connections = [];
  }

  private keep(number: number, other: Neighbour): void {
    const cluster = this.cluster(number);
    cluster.connections = [...cluster.connections, other].sort(byStrength);
  }

  private drop(number: number, other: number): void {
    const cluster = this.cluster(number);
    cluster.connections = cluster.connections.filter((connection) => connection.cluster !== other);
  }

  private cluster(number: number): Cluster {
    const cluster = this.clusters[number];
    if (!cluster) throw new Error(`internal: there is no cluster ${number}`);
    return cluster;
  }

  /** Cluster and identity of each vector that has arrived, both numbered from 0 in the order of their first vectors. */
  found(): { readonly clusters: Int32Array; readonly identities: Int32Array } {
    const owner = new Int32Array(this.arrived);
    for (const [number, cluster] of this.clusters.entries())
      for (let vector = cluster?.first ?? NONE; vector !== NONE; vector = this.next[vector]!)
        owner[vector] = number;
    const clusters = inOrder(owner);
    const components = new Int32Array(this.clusters.length).fill(NONE);
    for (const number of this.clusters.keys()) {
      const open = this.clusters[number] && components[number] === NONE ? [number] : [];
      for (let at = open.pop(); at !== undefined; at = open.pop()) {
        components[at] = number;
        for (const { cluster } of this.connectionsOf(at))
          if (components[cluster] === NONE) open.push(cluster);
      }
    }
    return { clusters, identities: inOrder(owner.map((number) => components[number]!)) };
  }

  state(): BookState {
    const numbers = [...this.clusters.keys()];
    const each = (of: (cluster: Cluster) => number) =>
      Int32Array.from(numbers, (number) => (this.clusters[number] ? of(this.clusters[number]) : NONE));
    const connections = numbers.flatMap((number) => this.clusters[number]?.connections ?? []);
    return {
      arrived: this.arrived,
      next: this.next.slice(0, this.arrived),
      free: Int32Array.from(this.free),
      count: each(({ count }) => count),
      first: each(({ first }) => first),
      last: each(({ last }) => last),
      degree: each((cluster) => cluster.connections.length),
      connected: Int32Array.from(connections, ({ cluster }) => cluster),
      cosine: Float64Array.from(connections, ({ cosine }) => cosine),
    };
  }

  restore(state: BookState): void {
    const { arrived, next, free, count, first, last, degree, connected, cosine } = state as unknown as Saved;
    this.vectors = arrived;
    this.next.fill(NONE).set(next);
    this.free = [...free];
    let at = 0;
    this.clusters = Array.from(count, (vectors, number) => {
      if (vectors === NONE) return undefined;
      const connections = Array.from({ length: degree[number]! }, () => ({
        cluster: connected[at]!,
        cosine: cosine[at++]!,
      }));
      return { count: vectors, first: first[number]!, last: last[number]!, connections };
    });
  }
}

interface Saved {
  readonly arrived: number;
  readonly next: Int32Array;
  readonly free: Int32Array;
  readonly count: Int32Array;
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly degree: Int32Array;
  readonly connected: Int32Array;
  readonly cosine: Float64Array;
}

/** Other numbers for the same groups: from 0, in the order in which they are first met. */
function inOrder(groups: Int32Array): Int32Array {
  const numbers = new Map<number, number>();
  return groups.map((group) => {
    const number = numbers.get(group) ?? numbers.size;
    numbers.set(group, number);
    return number;
  });
}
