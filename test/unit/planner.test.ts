import { describe, expect, test } from "vitest";
import { fixed, spread, zipf } from "#dsl/index";
import { randomBelow, randomU32 } from "#dsl/plan/counter-random";
import { IdentityIndex, IdentityStream, labelOf } from "#dsl/plan/identity-stream";
import { InstanceStream } from "#dsl/plan/instance-stream";
import { keyedPermutation } from "#dsl/plan/keyed-permutation";
import { LruSlots } from "#dsl/plan/lru-slots";
import { PoolBook } from "#dsl/plan/pool-book";

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("keyed permutations", () => {
  test.each([1, 2, 3, 4, 5, 16, 17, 97, 1000, 1024, 4097, 65536])("are bijections of %i", (n) => {
    for (const key of [0, 1, 0xffffffff]) {
      const p = keyedPermutation(n, key);
      expect(new Set(range(n).map((i) => p.at(i))).size).toBe(n);
    }
  });
  test("differ by key, and leave few things in place", () => {
    const [a, b] = [keyedPermutation(10_000, 1), keyedPermutation(10_000, 2)];
    expect(range(10_000).filter((i) => a.at(i) === b.at(i)).length).toBeLessThan(10);
    expect(range(10_000).filter((i) => a.at(i) === i).length).toBeLessThan(10);
  });
  test("show no run of neighbours", () => {
    const p = keyedPermutation(1 << 20, 5);
    expect(range(20_000).filter((i) => Math.abs(p.at(i + 1) - p.at(i)) === 1).length).toBeLessThan(5);
  });
  test("reach up to 2^31", () => {
    const p = keyedPermutation(0x8000_0000, 9);
    for (const i of [0, 1, 0x7fff_ffff]) expect(p.at(i)).toBeLessThan(0x8000_0000);
    expect(new Set([0, 1, 0x7fff_ffff].map((i) => p.at(i))).size).toBe(3);
  });
  test.each([1, 2, 3, 17, 1000, 4097, 0x8000_0000])("of %i begin with what stands at each place", (n) => {
    for (const key of [0, 1, 0xffffffff]) {
      const p = keyedPermutation(n, key);
      const count = Math.min(n, 3000);
      expect([...p.first(count)]).toEqual(range(count).map((i) => p.at(i)));
      expect(p.first(1)).toEqual(Int32Array.of(p.at(0)));
    }
  });
});

describe("counter-based random numbers", () => {
  test("fill 256 bins evenly: chi-square within six deviations", () => {
    const bins = new Float64Array(256);
    const n = 256_000;
    for (let i = 0; i < n; i++) bins[randomU32(3, 4, i) >>> 24]!++;
    const chi = bins.reduce((sum, b) => sum + (b - n / 256) ** 2 / (n / 256), 0);
    expect(Math.abs(chi - 255)).toBeLessThan(6 * Math.sqrt(2 * 255));
  });
  test("change half of their bits when one bit of seed, stream or counter changes", () => {
    const ones = (x: number) => x.toString(2).replaceAll("0", "").length;
    for (const flip of [
      (i: number) => randomU32(i ^ 1, 2, 7),
      (i: number) => randomU32(i, 2 ^ 4, 7),
      (i: number) => randomU32(i, 2, 7 ^ 64),
    ]) {
      const mean = range(2000).reduce((sum, i) => sum + ones((randomU32(i, 2, 7) ^ flip(i)) >>> 0), 0) / 2000;
      expect(Math.abs(mean - 16)).toBeLessThan(0.5);
    }
  });
  test("stay below their bound", () => {
    for (const n of [1, 2, 7, 1000, 0x7fff_ffff])
      for (let i = 0; i < 500; i++) expect(randomBelow(n, 1, 2, i)).toBeLessThan(n);
  });
});

describe("streams", () => {
  const offsets = Int32Array.from([0, 1, 3, 6, 10, 15, 21]);
  test("the instance stream sees every image once an epoch, across batches that straddle epochs", () => {
    const stream = new InstanceStream(21, 8, 5);
    const seen: number[] = [];
    const out = new Int32Array(8);
    for (let step = 0; step < 21; step++) {
      stream.fill(step, out);
      seen.push(...out);
    }
    for (let epoch = 0; epoch < 8; epoch++)
      expect(new Set(seen.slice(21 * epoch, 21 * (epoch + 1))).size).toBe(21);
    expect(seen.slice(0, 21)).not.toEqual(seen.slice(21, 42));
  });
  test("any step can be computed alone", () => {
    const [a, b] = [new Int32Array(8), new Int32Array(8)];
    const first = new InstanceStream(21, 8, 5);
    for (let step = 0; step < 12; step++) first.fill(step, a);
    new InstanceStream(21, 8, 5).fill(11, b);
    expect(b).toEqual(a);
  });
  test("the identity stream gives every identity once a pass, and two different images where there are two", () => {
    const stream = new IdentityStream(offsets, 3, 2, 9);
    const [out, who] = [new Int32Array(6), new Int32Array(3)];
    const seen: number[] = [];
    for (let step = 0; step < 40; step++) {
      stream.fill(step, out, who);
      for (let i = 0; i < 3; i++) {
        const [a, b] = [out[2 * i]!, out[2 * i + 1]!];
        expect([labelOf(offsets, a), labelOf(offsets, b)]).toEqual([who[i], who[i]]);
        expect(a === b).toBe(who[i] === 0); // identity 0 has one image
      }
      seen.push(...who);
    }
    for (let pass = 0; pass < 20; pass++) expect(new Set(seen.slice(6 * pass, 6 * pass + 6)).size).toBe(6);
  });
  /** How often each ordered choice of an identity's images comes in `passes` passes over one identity of `images` images. */
  const choices = (images: number, perIdentity: number, passes: number, seed = 5) => {
    const stream = new IdentityStream(Int32Array.of(0, images), 1, perIdentity, seed);
    const [out, who] = [new Int32Array(perIdentity), new Int32Array(1)];
    const counts = new Map<string, number>();
    for (let step = 0; step < passes; step++) {
      stream.fill(step, out, who);
      counts.set(out.join(), (counts.get(out.join()) ?? 0) + 1);
    }
    return counts;
  };
  /** Permutations of `k` out of `n`. */
  const arrangements = (n: number, k: number): number => (k === 0 ? 1 : n * arrangements(n - 1, k - 1));

  test.each([
    [2, 2],
    [6, 2],
    [20, 2],
    [5, 1],
    [5, 3],
    [4, 4],
  ])("with %i images, every ordered choice of %i is drawn equally often", (images, perIdentity) => {
    const kinds = arrangements(images, perIdentity);
    const passes = 200 * kinds;
    const counts = choices(images, perIdentity, passes);
    expect(counts.size).toBe(kinds);
    for (const choice of counts.keys()) expect(new Set(choice.split(",")).size).toBe(perIdentity);
    // Chi-square with kinds - 1 degrees of freedom, within six deviations of its mean.
    const expected = passes / kinds;
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(Math.abs(chi - (kinds - 1))).toBeLessThan(6 * Math.sqrt(2 * (kinds - 1)));
  });
  test("all 15 pairs of 6 images and all 190 of 20 are drawn", () => {
    for (const [images, pairs] of [
      [6, 15],
      [20, 190],
    ] as const) {
      const drawn = [...choices(images, 2, 8000).keys()].map((choice) =>
        choice
          .split(",")
          .sort((a, b) => Number(a) - Number(b))
          .join(),
      );
      expect(new Set(drawn).size).toBe(pairs);
    }
  });
  test("with fewer images than are asked for, each is drawn as often as the others or once more", () => {
    for (const [images, perIdentity] of [
      [1, 2],
      [2, 3],
      [3, 8],
      [4, 8],
    ] as const)
      for (const choice of choices(images, perIdentity, 200).keys()) {
        const times = range(images).map(
          (image) => choice.split(",").filter((i) => Number(i) === image).length,
        );
        expect(Math.max(...times) - Math.min(...times)).toBe(perIdentity % images === 0 ? 0 : 1);
      }
    // Which one comes twice, and where, is as random: 3 of 2 images are 2 orders, then either image.
    expect(choices(2, 3, 200).size).toBe(4);
  });
  test("the images of an identity in any step can be computed alone", () => {
    const fill = (step: number, seed = 9) => {
      const [out, who] = [new Int32Array(9), new Int32Array(3)];
      new IdentityStream(offsets, 3, 3, seed).fill(step, out, who);
      return [...out, ...who];
    };
    const stream = new IdentityStream(offsets, 3, 3, 9);
    const [out, who] = [new Int32Array(9), new Int32Array(3)];
    for (let step = 0; step < 30; step++) {
      stream.fill(step, out, who);
      expect(fill(step)).toEqual([...out, ...who]);
    }
    expect(fill(4, 10)).not.toEqual(fill(4));
  });
  test("the index of identities agrees with binary search", () => {
    const long = Int32Array.from([0, 3, 4, 100, 101, 300, 700]);
    const index = new IdentityIndex(long);
    const images = Int32Array.from({ length: 700 }, (_, image) => (image * 211) % 700);
    const labels = new Int32Array(705).fill(-1);
    index.label(images, labels, 5);
    expect([...labels]).toEqual([-1, -1, -1, -1, -1, ...[...images].map((image) => labelOf(long, image))]);
  });
  test("Zipf's law gives exactly the images asked for, a long tail, at least one each", () => {
    const counts = zipf(20).counts(5000, 3);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(100_000);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...counts)).toBeGreaterThan(500);
    expect(zipf(20).counts(5000, 4)).not.toEqual(counts);
    expect(fixed(3).counts(4, 0)).toEqual(Int32Array.of(3, 3, 3, 3));
  });
  test.each([1, 2, 17, 400])("Zipf's law over %i people, rank by rank", (people) => {
    const weight = (ranks: number) =>
      Array.from({ length: ranks }, (_, i) => (i + 1) ** -1.1).reduce((a, b) => a + b, 0);
    const [order, spare, all] = [keyedPermutation(people, 3 ^ 0x636f756e), 10 * people, weight(people)];
    const upTo = Array.from({ length: people + 1 }, (_, rank) => Math.round((spare * weight(rank)) / all));
    const counts = zipf(12, { exponent: 1.1, min: 2 }).counts(people, 3);
    for (let rank = 0; rank < people; rank++)
      expect(counts[order.at(rank)]).toBe(2 + upTo[rank + 1]! - upTo[rank]!);
  });
  test("Zipf's law over more people than are dealt with at once", () => {
    const people = 300_000;
    const sums = [0];
    for (let rank = 1; rank <= people; rank++) sums.push(sums[rank - 1]! + rank ** -0.8);
    const upTo = sums.map((sum) => Math.round((3 * people * sum) / sums[people]!));
    const order = keyedPermutation(people, 7 ^ 0x636f756e);
    const wanted = new Int32Array(people);
    for (let rank = 0; rank < people; rank++) wanted[order.at(rank)] = 1 + upTo[rank + 1]! - upTo[rank]!;
    expect(Buffer.compare(Buffer.from(zipf(4).counts(people, 7).buffer), Buffer.from(wanted.buffer))).toBe(0);
  });
  test("a spread of images per identity is drawn identity by identity", () => {
    const drawn = Array.from({ length: 500 }, (_, i) => 2 + randomBelow(4, 9, 0x636f756e, i));
    expect([...spread(2, 5).counts(500, 9)]).toEqual(drawn);
  });
});

/** A least-recently-used table as a person would write it: a map and a list. */
class LiteralLru {
  readonly slots = new Map<number, number>();
  order: number[] = [];
  constructor(readonly capacity: number) {}
  touch(identity: number): number {
    let slot = this.slots.get(identity);
    if (slot !== undefined) this.order.splice(this.order.indexOf(identity), 1);
    else if (this.order.length < this.capacity) slot = this.order.length;
    else {
      const oldest = this.order.shift()!;
      slot = this.slots.get(oldest)!;
      this.slots.delete(oldest);
    }
    this.slots.set(identity, slot);
    this.order.push(identity);
    return slot;
  }
}

test.each([
  [1, 3],
  [5, 8],
  [16, 40],
  [64, 50],
])("LRU slots of %i among %i identities equal a literal LRU, also after rollbacks", (capacity, universe) => {
  const slots = new LruSlots(capacity);
  let literal = new LiteralLru(capacity);
  let marked: LiteralLru | undefined;
  for (let i = 0; i < 8000; i++) {
    const draw = randomBelow(100, 1, capacity, i);
    if (draw === 0 && !marked) {
      slots.mark();
      marked = new LiteralLru(capacity);
      marked.order = [...literal.order];
      for (const [k, v] of literal.slots) marked.slots.set(k, v);
    } else if (draw === 1 && marked) {
      slots.rollback();
      literal = marked;
      marked = undefined;
    } else {
      const identity = randomBelow(universe, 2, capacity, i);
      expect(slots.touch(identity)).toBe(literal.touch(identity));
    }
    if (i % 100 === 0) {
      expect([...slots.order()]).toEqual([...literal.order].reverse());
      for (let id = 0; id < universe; id++) expect(slots.slotOf(id)).toBe(literal.slots.get(id) ?? -1);
    }
    if (i % 500 === 0 && !marked) slots.restore(slots.state());
  }
});

describe("the pool's book", () => {
  const walk = (book: PoolBook, seed: number, commit: boolean) => {
    const written = Int32Array.from(range(6), (i) => randomBelow(20, seed, 1, i));
    const targets = Int32Array.from(range(6), (i) => randomBelow(20, seed, 2, i));
    return { written, targets, pass: commit ? book.commit(written, targets) : book.peek(written, targets) };
  };

  test("writes every touched slot once, pads with the spill, and leaves no trace after a peek", () => {
    const book = new PoolBook(9, { rows: 2, evict: "lru" });
    for (let seed = 0; seed < 500; seed++) {
      const before = JSON.stringify(book.state());
      const { pass } = walk(book, seed, seed % 2 === 1);
      if (seed % 2 === 0) expect(JSON.stringify(book.state())).toBe(before);
      const used = [...pass.touched].filter((slot) => slot !== 9);
      expect(new Set(used).size).toBe(used.length);
      expect([...pass.touched].slice(used.length).every((slot) => slot === 9)).toBe(true);
      expect(pass.inPool).toBe([...pass.target].filter((t) => t >= 0).length);
    }
  });

  test("refuses a batch with more identities than the pool has slots", () => {
    const book = new PoolBook(3, { rows: 2, evict: "lru" });
    expect(() => book.commit(Int32Array.of(1, 2, 3, 4), Int32Array.of())).toThrow(
      expect.objectContaining({ code: "F2C2301" }),
    );
  });

  test("first in, first out leaves a looked-up identity where it is", () => {
    const [lru, fifo] = (["lru", "fifo"] as const).map((evict) => new PoolBook(2, { rows: 2, evict }));
    for (const book of [lru!, fifo!])
      for (const identity of [1, 2, 1, 3]) book.commit(Int32Array.of(identity), Int32Array.of());
    expect([...lru!.order()].sort()).toEqual([1, 3]);
    expect([...fifo!.order()].sort()).toEqual([2, 3]);
  });
});
