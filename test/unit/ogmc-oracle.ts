/**
 * @file OGMC as the table in docs/ogmc.md has it, rule by rule and as slowly as it reads: clusters are lists of vectors, added up whenever a centroid is wanted; every
 * cluster is compared with every other; a connection is a pair without a strength of its own. And what holds after every vector, looked at from outside.
 */
import type { OgmcRules } from "#dsl/plan/ogmc-book";

export type Vector = readonly number[];

export interface Placed {
  readonly number: number;
  readonly vectors: readonly number[];
  /** Numbers of the clusters that it is connected with, rising. */
  readonly connected: readonly number[];
}

export class OgmcOracle {
  private readonly seen: Vector[] = [];
  private clusters = new Map<number, number[]>();
  private freed: number[] = [];
  private fresh = 0;
  /** Pairs "a-b", a below b. */
  private connections = new Set<string>();

  constructor(private readonly rules: OgmcRules) {}

  private sum(number: number): number[] {
    return this.clusters
      .get(number)!
      .map((v) => this.seen[v]!)
      .reduce(
        (sum: number[], vector) => sum.map((x, i) => x + vector[i]!),
        this.seen[0]!.map(() => 0),
      );
  }
  private cosine = (a: number, b: number) => cosineOf(this.sum(a), this.sum(b));
  private isRobust = (number: number) => this.clusters.get(number)!.length >= this.rules.robust;
  private pair = (a: number, b: number) => `${Math.min(a, b)}-${Math.max(a, b)}`;
  private connected = (number: number) =>
    [...this.clusters.keys()].filter((other) => this.connections.has(this.pair(number, other)));
  private others = (number: number) => [...this.clusters.keys()].filter((other) => other !== number);
  private mayHave = (number: number) => (this.isRobust(number) ? this.rules.most : 1);
  /** Numbers, the stronger by `cosine` first, of equal ones the lower. */
  private strongest = (numbers: readonly number[], cosine: (number: number) => number) =>
    numbers.map((n) => ({ n, c: cosine(n) })).sort((x, y) => y.c - x.c || x.n - y.n);

  insert(vector: Vector): void {
    const index = this.seen.push(vector) - 1;
    // 1
    const [best] = this.strongest([...this.clusters.keys()], (n) => cosineOf(this.sum(n), vector));
    let changed: number;
    if (best && best.c >= this.rules.fuse) {
      changed = best.n;
      this.clusters.get(changed)!.push(index);
    } else {
      // 1a
      changed = this.freed.length > 0 ? this.freed.pop()! : this.fresh++;
      this.clusters.set(changed, [index]);
    }
    // 2
    for (;;) {
      // 3
      this.disconnect(changed);
      // 4
      const { fuse, connectMixed, connectRobust, compared } = this.rules;
      const near = this.strongest(this.others(changed), (n) => this.cosine(n, changed))
        .filter(({ c }) => c >= Math.min(fuse, connectMixed, connectRobust))
        .slice(0, compared);
      // 5
      const partner = near.find(({ n, c }) => c >= fuse && !(this.isRobust(n) && this.isRobust(changed)));
      if (!partner) {
        this.connect(changed, near);
        return;
      }
      // 5a
      const [low, high] = [Math.min(changed, partner.n), Math.max(changed, partner.n)];
      const stays = this.isRobust(high) && !this.isRobust(low) ? high : low;
      const goes = stays === low ? high : low;
      this.disconnect(goes);
      this.clusters.get(stays)!.push(...this.clusters.get(goes)!);
      this.clusters.delete(goes);
      this.freed.push(goes);
      changed = stays;
    }
  }

  private disconnect(number: number): void {
    for (const other of this.connected(number)) this.connections.delete(this.pair(number, other));
  }

  private connect(changed: number, near: readonly { n: number; c: number }[]): void {
    for (const { n: other, c } of near) {
      // 6
      if (this.connected(changed).length >= this.mayHave(changed)) return;
      // 6a
      if (!this.isRobust(changed) && !this.isRobust(other)) continue;
      const both = this.isRobust(changed) && this.isRobust(other);
      if (c < (both ? this.rules.connectRobust : this.rules.connectMixed)) continue;
      // 6b
      if (this.connected(other).length >= this.mayHave(other)) {
        const weakest = this.strongest(this.connected(other), (n) => this.cosine(n, other)).at(-1)!;
        const isStronger = c > weakest.c || (c === weakest.c && changed < weakest.n);
        if (!isStronger) continue;
        this.connections.delete(this.pair(other, weakest.n));
      }
      this.connections.add(this.pair(changed, other));
    }
  }

  placed(): Placed[] {
    return [...this.clusters.keys()]
      .sort((a, b) => a - b)
      .map((number) => ({
        number,
        vectors: [...this.clusters.get(number)!].sort((a, b) => a - b),
        connected: this.connected(number).sort((a, b) => a - b),
      }));
  }

  /** Clusters and identities of the vectors, each by its own first vector. */
  firsts(): { clusters: number[]; identities: number[] } {
    const clusters = this.seen.map((_, v) => {
      const { vectors } = this.placed().find((cluster) => cluster.vectors.includes(v))!;
      return vectors[0]!;
    });
    // Everybody is whoever is least among themselves and those connected with them, until nothing changes.
    const least = new Map([...this.clusters].map(([number, vectors]) => [number, Math.min(...vectors)]));
    for (let changes = true; changes; ) {
      changes = false;
      for (const number of this.clusters.keys())
        for (const other of this.connected(number))
          if (least.get(other)! < least.get(number)!) {
            least.set(number, least.get(other)!);
            changes = true;
          }
    }
    const identities = this.seen.map(
      (_, v) => least.get([...this.clusters].find(([, vectors]) => vectors.includes(v))![0])!,
    );
    return { clusters, identities };
  }
}

export function cosineOf(a: Vector, b: Vector): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return ab / Math.sqrt(aa * bb);
}

/** What docs/ogmc.md says holds after every vector, as sentences about what does not. */
export function brokenInvariants(
  rules: OgmcRules,
  vectors: readonly Vector[],
  placed: readonly Placed[],
  identities: readonly number[],
): string[] {
  const of = new Map(placed.map((cluster) => [cluster.number, cluster]));
  const robust = (number: number) => of.get(number)!.vectors.length >= rules.robust;
  const centre = (number: number) =>
    vectors[0]!.map((_, i) => of.get(number)!.vectors.reduce((sum, v) => sum + vectors[v]![i]!, 0));
  const broken: string[] = [];
  const all = placed.flatMap((cluster) => cluster.vectors).sort((a, b) => a - b);
  if (all.some((v, i) => v !== i)) broken.push("each vector is in one cluster");
  for (const { number, connected } of placed) {
    if (robust(number) ? connected.length > rules.most : connected.length > 1)
      broken.push(`${number} has ${connected.length} connections`);
    for (const other of connected) {
      if (!of.get(other)?.connected.includes(number)) broken.push(`${number}-${other} is not symmetric`);
      if (!robust(number) && !robust(other)) broken.push(`${number}-${other} has no robust end`);
      const cosine = cosineOf(centre(number), centre(other));
      const bar = robust(number) && robust(other) ? rules.connectRobust : rules.connectMixed;
      if (cosine < bar - 1e-12) broken.push(`${number}-${other} is of ${cosine}, below ${bar}`);
    }
  }
  const reached = (from: number, seen = new Set([from])): Set<number> => {
    for (const next of of.get(from)!.connected) if (!seen.has(next)) reached(next, seen.add(next));
    return seen;
  };
  for (const { number, vectors: own } of placed)
    for (const { number: other, vectors: theirs } of placed)
      if (reached(number).has(other) !== (identities[own[0]!] === identities[theirs[0]!]))
        broken.push(`${number} and ${other}: identities are not the components`);
  return broken;
}
