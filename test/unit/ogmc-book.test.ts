import { describe, expect, test } from "vitest";
import { type Neighbour, OgmcBook, type OgmcRules } from "#dsl/plan/ogmc-book";
import { brokenInvariants, cosineOf, OgmcOracle, type Placed, type Vector } from "./ogmc-oracle.js";
import { blobs } from "./ogmc-streams.js";

const RULES: OgmcRules = {
  fuse: 0.8,
  connectMixed: 0.6,
  connectRobust: 0.7,
  robust: 3,
  most: 2,
  compared: 32,
};

/** A book with the sums of its clusters, one vector after the other. Counts how often each rule was at work. */
class Clustering {
  readonly book: OgmcBook;
  private readonly sums = new Map<number, number[]>();
  readonly numbers = { joined: 0, fusions: 0 };

  constructor(
    readonly rules: OgmcRules,
    vectors: number,
  ) {
    this.book = new OgmcBook(rules, vectors);
  }

  private near(vector: Vector, but: number): Neighbour[] {
    return [...this.sums].flatMap(([cluster, sum]) =>
      cluster === but ? [] : [{ cluster, cosine: cosineOf(sum, vector) }],
    );
  }

  insert(vector: Vector): void {
    const [best] = this.near(vector, -1).sort((a, b) => b.cosine - a.cosine || a.cluster - b.cluster);
    const joins = best && best.cosine >= this.rules.fuse ? best.cluster : -1;
    if (joins >= 0) this.numbers.joined++;
    let changed = this.book.join(joins);
    this.sums.set(
      changed,
      (this.sums.get(changed) ?? vector.map(() => 0)).map((x, i) => x + vector[i]!),
    );
    for (;;) {
      const fusion = this.book.settle(changed, this.near(this.sums.get(changed)!, changed));
      if (!fusion) return;
      this.numbers.fusions++;
      const gone = this.sums.get(fusion.gone)!;
      this.sums.set(
        fusion.into,
        this.sums.get(fusion.into)!.map((x, i) => x + gone[i]!),
      );
      this.sums.delete(fusion.gone);
      changed = fusion.into;
    }
  }

  placed(): Placed[] {
    const { clusters } = this.book.found();
    const vectorsOf = new Map<number, number[]>();
    for (const [vector, cluster] of clusters.entries())
      vectorsOf.set(cluster, [...(vectorsOf.get(cluster) ?? []), vector]);
    const { first } = this.book.state() as { first: Int32Array };
    return [...this.sums.keys()]
      .sort((a, b) => a - b)
      .map((number) => ({
        number,
        vectors: vectorsOf.get(clusters[first[number]!]!)!,
        connected: this.book
          .connectionsOf(number)
          .map(({ cluster }) => cluster)
          .sort((a, b) => a - b),
      }));
  }
}

/** Groups by number, whatever the numbers are, as groups by first member. */
const byFirst = (groups: Int32Array): number[] => [...groups].map((group) => groups.indexOf(group));

const VARIED: readonly (readonly [
  string,
  Partial<OgmcRules>,
  { spread: number; noise: number; dims: number },
])[] = [
  ["groups that touch", {}, { spread: 0.6, noise: 0.5, dims: 4 }],
  ["groups far apart", {}, { spread: 3, noise: 0.4, dims: 8 }],
  ["no groups at all", { fuse: 0.7, connectMixed: 0.5 }, { spread: 0, noise: 1, dims: 3 }],
  ["one connection at most", { most: 1, connectRobust: 0.4 }, { spread: 0.7, noise: 0.6, dims: 4 }],
  ["everybody robust", { robust: 1 }, { spread: 0.8, noise: 0.5, dims: 4 }],
  ["robust clusters connect from afar", { connectRobust: 0.2, most: 3 }, { spread: 1, noise: 0.6, dims: 4 }],
  ["few are compared", { compared: 2, connectRobust: 0.3 }, { spread: 0.4, noise: 0.7, dims: 3 }],
];

describe("of random streams", () => {
  test.each(VARIED)(
    "clusters, connections and identities equal the oracle's after every vector: %s",
    (_, given, shape) => {
      const rules = { ...RULES, ...given };
      for (let seed = 1; seed <= 6; seed++) {
        const stream = blobs({ ...shape, groups: 6, vectors: 90, seed });
        const [ours, oracle] = [new Clustering(rules, stream.length), new OgmcOracle(rules)];
        for (const vector of stream) {
          ours.insert(vector);
          oracle.insert(vector);
          expect(ours.placed()).toEqual(oracle.placed());
        }
        const { clusters, identities } = ours.book.found();
        expect({ clusters: byFirst(clusters), identities: byFirst(identities) }).toEqual(oracle.firsts());
      }
    },
  );

  test.each(VARIED)("what the table says holds after every vector: %s", (_, given, shape) => {
    const rules = { ...RULES, ...given };
    for (let seed = 11; seed <= 13; seed++) {
      const stream = blobs({ ...shape, groups: 6, vectors: 90, seed });
      const ours = new Clustering(rules, stream.length);
      for (const [i, vector] of stream.entries()) {
        ours.insert(vector);
        expect(
          brokenInvariants(rules, stream.slice(0, i + 1), ours.placed(), [...ours.book.found().identities]),
        ).toEqual([]);
      }
    }
  });

  test("every rule is at work in them", () => {
    const total = { joined: 0, fusions: 0, connections: 0, robust: 0, notRobust: 0 };
    for (const [[, given, shape], seed] of VARIED.flatMap((one) =>
      [1, 2, 3, 4, 5, 6].map((seed) => [one, seed] as const),
    )) {
      const stream = blobs({ ...shape, groups: 6, vectors: 90, seed });
      const ours = new Clustering({ ...RULES, ...given }, stream.length);
      for (const vector of stream) ours.insert(vector);
      total.joined += ours.numbers.joined;
      total.fusions += ours.numbers.fusions;
      for (const { number, connected } of ours.placed()) {
        total.connections += connected.length;
        total[ours.book.isRobust(number) ? "robust" : "notRobust"]++;
      }
    }
    for (const [what, count] of Object.entries(total)) expect(count, what).toBeGreaterThan(40);
  });
});

describe("the rules one by one", () => {
  /** Clusters of so many vectors each, without connections. */
  const bookOf = (counts: readonly number[], rules: Partial<OgmcRules> = {}): OgmcBook => {
    const book = new OgmcBook({ ...RULES, ...rules }, 100);
    for (const [number, count] of counts.entries()) {
      book.join(-1);
      for (let i = 1; i < count; i++) book.join(number);
    }
    return book;
  };
  const near = (...pairs: (readonly [cluster: number, cosine: number])[]) =>
    pairs.map(([cluster, cosine]) => ({ cluster, cosine }));
  const connectedWith = (book: OgmcBook, number: number) =>
    book.connectionsOf(number).map(({ cluster }) => cluster);

  test("a cluster fuses with the strongest from the threshold on, of equal ones with the lower number (5)", () => {
    expect(bookOf([1, 1, 1, 1]).settle(3, near([2, 0.9], [1, 0.9], [0, 0.85]))).toEqual({ into: 1, gone: 3 });
    expect(bookOf([1, 1]).settle(1, near([0, 0.8]))).toEqual({ into: 0, gone: 1 });
    expect(bookOf([1, 1]).settle(1, near([0, 0.79]))).toBeUndefined();
  });

  test("two robust ones never fuse, and the next that may is looked for (5)", () => {
    const book = bookOf([3, 1, 3]);
    expect(book.settle(2, near([0, 0.99], [1, 0.85]))).toEqual({ into: 2, gone: 1 });
    expect(book.settle(2, near([0, 0.99]))).toBeUndefined();
    expect(connectedWith(book, 2)).toEqual([0]);
  });

  test("the robust one goes on, whichever number it has, with the vectors of both (5a)", () => {
    const book = bookOf([1, 3]);
    expect(book.settle(0, near([1, 0.8]))).toEqual({ into: 1, gone: 0 });
    expect(book.countOf(1)).toBe(4);
    expect([...book.found().clusters]).toEqual([0, 0, 0, 0]);
  });

  test("a number that became free is given next, the last one first (1a)", () => {
    const book = bookOf([1, 1, 1, 1]);
    book.settle(0, near([1, 0.9]));
    book.settle(2, near([3, 0.9]));
    expect([book.join(-1), book.join(-1), book.join(-1)]).toEqual([3, 1, 4]);
  });

  test("two that are not robust do not connect (6a)", () => {
    const book = bookOf([2, 2]);
    book.settle(1, near([0, 0.79]));
    expect(connectedWith(book, 1)).toEqual([]);
  });

  test("thresholds are those of the two kinds, and count as near (6a)", () => {
    const book = bookOf([3, 3, 1, 1]);
    book.settle(0, near([1, 0.69], [2, 0.6], [3, 0.59]));
    expect(connectedWith(book, 0)).toEqual([2]);
    book.settle(0, near([1, 0.7]));
    expect(connectedWith(book, 0)).toEqual([1]);
  });

  test("a cluster that is not robust has one connection, the strongest, and changes over to a nearer robust one (6, 6b)", () => {
    const book = bookOf([3, 3, 1]);
    book.settle(2, near([0, 0.65], [1, 0.66]));
    expect(connectedWith(book, 2)).toEqual([1]);
    book.settle(0, near([2, 0.66]));
    expect([connectedWith(book, 0), connectedWith(book, 1)]).toEqual([[2], []]);
    book.settle(1, near([2, 0.66]));
    expect([connectedWith(book, 1), connectedWith(book, 2)]).toEqual([[], [0]]);
    book.settle(1, near([2, 0.67]));
    expect([connectedWith(book, 1), connectedWith(book, 2)]).toEqual([[2], [1]]);
    expect(connectedWith(book, 0)).toEqual([]);
  });

  test("a robust one that has all its connections drops the weakest for a stronger one only (6b)", () => {
    const book = bookOf([3, 3, 3, 3]);
    book.settle(0, near([1, 0.75], [2, 0.72]));
    book.settle(3, near([0, 0.72]));
    expect(connectedWith(book, 0)).toEqual([1, 2]);
    book.settle(3, near([0, 0.73]));
    expect([connectedWith(book, 0), connectedWith(book, 2), connectedWith(book, 3)]).toEqual([
      [1, 3],
      [],
      [0],
    ]);
  });

  test("one that a robust one with stronger connections refuses takes the next (6b)", () => {
    const book = bookOf([3, 3, 3, 3, 1]);
    book.settle(0, near([1, 0.79], [2, 0.78]));
    book.settle(4, near([0, 0.77], [3, 0.61]));
    expect(connectedWith(book, 4)).toEqual([3]);
  });

  test("with a change all connections are taken up anew, and nobody else moves (3, 7)", () => {
    const book = bookOf([3, 3, 1]);
    book.settle(2, near([0, 0.7], [1, 0.65]));
    book.settle(0, near([1, 0.75]));
    expect([0, 1, 2].map((number) => connectedWith(book, number))).toEqual([[1], [0], []]);
  });

  test("a promoted cluster connects as a robust one, by the other threshold (8)", () => {
    const book = bookOf([3, 2]);
    book.settle(1, near([0, 0.65]));
    expect(connectedWith(book, 1)).toEqual([0]);
    book.join(1);
    book.settle(1, near([0, 0.65]));
    expect([connectedWith(book, 0), connectedWith(book, 1)]).toEqual([[], []]);
  });

  test("no more than so many are compared (4)", () => {
    const book = bookOf([2, 2, 3, 1], { compared: 2 });
    book.settle(3, near([0, 0.75], [1, 0.74], [2, 0.73]));
    expect(connectedWith(book, 3)).toEqual([]);
  });
});

test("a book that was saved and restored goes on as the one that was not", () => {
  const stream = blobs({ groups: 6, vectors: 120, spread: 0.7, noise: 0.5, dims: 4, seed: 5 });
  const [whole, first] = [new Clustering(RULES, 120), new Clustering(RULES, 120)];
  for (const vector of stream.slice(0, 70)) {
    whole.insert(vector);
    first.insert(vector);
  }
  const saved = structuredClone(first.book.state());
  first.book.join(-1);
  first.book.restore(saved);
  expect(first.placed()).toEqual(whole.placed());
  for (const vector of stream.slice(70)) {
    whole.insert(vector);
    first.insert(vector);
  }
  expect(first.placed()).toEqual(whole.placed());
  expect(first.book.state()).toEqual(whole.book.state());
});
