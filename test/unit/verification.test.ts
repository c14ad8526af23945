import { describe, expect, test } from "vitest";
import { makePairs } from "#runtime/evaluate/pairs";
import { rocSvg } from "#runtime/evaluate/roc-plot";
import { roc, tarAtFar, tenFold } from "#runtime/evaluate/verification";

/** A generator for the tests' own choices: Park and Miller's. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Similarities of `n` pairs, those of the same person higher by `gap`, rounded to `digits` so that some tie. */
function drawn(n: number, gap: number, digits: number, seed: number) {
  const random = dice(seed);
  const same = Uint8Array.from({ length: n }, () => (random() < 0.5 ? 1 : 0));
  const similarity = Float64Array.from(same, (s) => {
    const value = Math.min(1, Math.max(-1, random() * 1.4 - 0.9 + gap * s));
    return Math.round(value * 10 ** digits) / 10 ** digits;
  });
  return { similarity, same };
}

/** insightface's `calculate_roc`, threshold by threshold: train on the other folds, test on this one. */
function literalFolds(similarity: Float64Array, same: Uint8Array, folds: number) {
  const n = similarity.length;
  const fold: number[] = [];
  for (let f = 0; f < folds; f++)
    for (let k = 0; k < Math.floor(n / folds) + (f < n % folds ? 1 : 0); k++) fold.push(f);
  const accuracy = (threshold: number, within: (pair: number) => boolean) => {
    let [right, all] = [0, 0];
    for (let i = 0; i < n; i++) {
      if (!within(i)) continue;
      all++;
      if (2 - 2 * similarity[i]! < threshold === (same[i] === 1)) right++;
    }
    return right / all;
  };
  const tested = Array.from({ length: folds }, (_, f) => {
    let best = { accuracy: -1, threshold: 0 };
    for (let t = 0; t < 400; t++) {
      const trained = accuracy(t * 0.01, (i) => fold[i] !== f);
      if (trained > best.accuracy) best = { accuracy: trained, threshold: t * 0.01 };
    }
    return accuracy(best.threshold, (i) => fold[i] === f);
  });
  const mean = tested.reduce((a, b) => a + b) / folds;
  return { accuracy: mean, std: Math.sqrt(tested.reduce((s, a) => s + (a - mean) ** 2, 0) / folds) };
}

describe("10-fold accuracy", () => {
  test.each([
    [100, 0.3, 10],
    [103, 0.6, 10],
    [64, 0, 10],
    [50, 0.5, 5],
    [21, 0.4, 2],
  ])("of %i pairs, %d apart, in %i folds, is that of the protocol taken literally", (n, gap, folds) => {
    for (const digits of [1, 6]) {
      const { similarity, same } = drawn(n, gap, digits, n + digits);
      const expected = literalFolds(similarity, same, folds);
      const got = tenFold(similarity, same, folds);
      expect(got.accuracy).toBeCloseTo(expected.accuracy, 12);
      expect(got.std).toBeCloseTo(expected.std, 12);
    }
  });

  test("is 1 without spread where one threshold parts the pairs", () => {
    const same = Uint8Array.from({ length: 40 }, (_, i) => i % 2);
    const similarity = Float64Array.from(same, (s) => (s ? 0.6 : 0.1));
    expect(tenFold(similarity, same)).toEqual({ accuracy: 1, std: 0 });
  });

  test("is 0 where the threshold of either half misleads the other", () => {
    // Half one: the same person at 0.9, another at 0.5. Half two: the same person at 0.4, another at 0.6.
    const similarity = Float64Array.of(0.5, 0.5, 0.4, 0.4);
    const same = Uint8Array.of(0, 0, 1, 1);
    expect(tenFold(similarity, same, 2).accuracy).toBe(0);
  });
});

/** The definition: over all thresholds that matter, the best true accept rate whose false accept rate is small enough. */
function literalRate(similarity: Float64Array, same: Uint8Array, far: number): number {
  const share = (mark: number, threshold: number) => {
    const of = [...similarity].filter((_, i) => same[i] === mark);
    return of.filter((s) => s > threshold).length / of.length;
  };
  const thresholds = [Number.NEGATIVE_INFINITY, ...similarity];
  return Math.max(...thresholds.filter((t) => share(0, t) <= far + 1e-12).map((t) => share(1, t)));
}

describe("the true accept rate at a false accept rate", () => {
  test.each([1, 2, 6])("is its definition, searched over all thresholds (%i digits)", (digits) => {
    const { similarity, same } = drawn(300, 0.4, digits, 5);
    const impostors = same.filter((s) => s === 0).length;
    for (const far of [0.5, 0.1, 0.05, 0.01, 1 / impostors, 3 / impostors, 1]) {
      expect(tarAtFar(similarity, same, [far])[String(far)]).toBe(literalRate(similarity, same, far));
    }
  });

  test("counts a tie between a genuine pair and the first refused impostor as refused", () => {
    const similarity = Float64Array.of(0.9, 0.5, 0.7, 0.5, 0.2, 0.1);
    const same = Uint8Array.of(1, 1, 0, 0, 0, 0);
    // A quarter of 4 impostors is one, at 0.7; the next one, at 0.5, must be refused, and with it the pair at 0.5.
    expect(tarAtFar(similarity, same, [0.25])).toEqual({ "0.25": 0.5 });
    expect(tarAtFar(similarity, same, [0.5])).toEqual({ "0.5": 1 });
  });

  test("is null where the impostors are too few to tell, and 1 where all may be accepted", () => {
    const similarity = Float64Array.of(0.9, 0.1, 0.2, 0.3);
    const same = Uint8Array.of(1, 0, 0, 0);
    expect(tarAtFar(similarity, same, [0.1, 0.3, 1])).toEqual({ "0.1": null, "0.3": null, "1": 1 });
  });

  test("takes 0.1 of 10 impostors for one of them, although 0.1 is no binary fraction", () => {
    for (const [far, impostors] of [
      [0.1, 10],
      [0.07, 100],
      [0.29, 100],
      [1e-3, 3000],
    ] as const) {
      const similarity = Float64Array.from({ length: impostors + 1 }, (_, i) => -i / impostors);
      const same = Uint8Array.from({ length: impostors + 1 }, (_, i) => (i === 0 ? 1 : 0));
      expect(tarAtFar(similarity, same, [far])[String(far)]).toBe(1);
      const low = Float64Array.from(similarity, (s, i) =>
        i === 0 ? s - (far * impostors + 0.5) / impostors : s,
      );
      // The genuine pair lies below exactly the impostors that may be accepted, so it still is.
      expect(tarAtFar(low, same, [far])[String(far)]).toBe(1);
    }
  });
});

describe("the ROC", () => {
  test("of six pairs by hand", () => {
    const similarity = Float64Array.of(0.9, 0.8, 0.8, 0.5, 0.3, 0.1);
    const same = Uint8Array.of(1, 1, 0, 1, 0, 0);
    expect(roc(similarity, same)).toEqual([
      { far: 0, tar: 0 },
      { far: 0, tar: 1 / 3 },
      { far: 1 / 3, tar: 2 / 3 },
      { far: 1 / 3, tar: 1 },
      { far: 2 / 3, tar: 1 },
      { far: 1, tar: 1 },
    ]);
  });

  test.each([1, 6])("has the rates of every distinct threshold (%i digits)", (digits) => {
    const { similarity, same } = drawn(200, 0.3, digits, 3);
    const share = (mark: number, threshold: number) => {
      const of = [...similarity].filter((_, i) => same[i] === mark);
      return of.filter((s) => s >= threshold).length / of.length;
    };
    const thresholds = [...new Set(similarity)].sort((a, b) => b - a);
    const expected = thresholds.map((t) => ({ far: share(0, t), tar: share(1, t) }));
    expect(roc(similarity, same)).toEqual([{ far: 0, tar: 0 }, ...expected]);
  });

  test("drawn as SVG escapes its labels and stays inside its frame", () => {
    const points = [
      { far: 0, tar: 0 },
      { far: 0, tar: 0.4 },
      { far: 0.01, tar: 0.8 },
      { far: 1, tar: 1 },
    ];
    const svg = rocSvg([{ label: "a < b & c", points }], { title: 'the "net"' });
    expect(svg).toContain("a &lt; b &amp; c");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const curve = /<path d="([^"]+)"/.exec(svg)![1]!;
    const places = curve
      .slice(1)
      .split("L")
      .map((p) => p.split(" ").map(Number));
    // It begins at the left edge, at the height that the points before it have reached: 0.4.
    expect(places).toHaveLength(3);
    for (const [x, y] of places as [number, number][]) {
      expect(x).toBeGreaterThanOrEqual(64);
      expect(x).toBeLessThanOrEqual(640 - 24);
      expect(y).toBeGreaterThanOrEqual(40);
      expect(y).toBeLessThanOrEqual(480 - 56);
    }
  });
});

const codeOf = (body: () => unknown): string | undefined => {
  try {
    body();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  return undefined;
};

describe("pairs of held-out people", () => {
  const offsets = Int32Array.from([0, 3, 5, 6, 10, 14, 17, 21]);
  const personOf = (image: number) => offsets.findLastIndex((from) => from <= image);
  const possible = [3, 1, 0, 6, 6, 3, 6].reduce((a, b) => a + b);

  const listed = (options: Parameters<typeof makePairs>[1], of = offsets) => {
    const { images, positions, same } = makePairs(of, options);
    return Array.from(same, (mark, i) => ({
      a: images[positions[2 * i]!]!,
      b: images[positions[2 * i + 1]!]!,
      same: mark === 1,
    }));
  };

  test("are of one person where they say so, of two people otherwise, none of them twice", () => {
    for (const seed of [0, 1, 2]) {
      const pairs = listed({ genuine: 20, impostor: 70, folds: 10, seed });
      for (const { a, b, same } of pairs) {
        expect(a).not.toBe(b);
        expect(personOf(a) === personOf(b)).toBe(same);
      }
      expect(pairs.filter((p) => p.same)).toHaveLength(20);
      expect(pairs.filter((p) => !p.same)).toHaveLength(70);
      expect(new Set(pairs.map(({ a, b }) => [a, b].sort((x, y) => x - y).join())).size).toBe(90);
    }
  });

  test("are all genuine ones and as many impostors where no number is given", () => {
    const pairs = listed({ genuine: 0, impostor: 0, folds: 10, seed: 4 });
    expect(pairs.filter((p) => p.same)).toHaveLength(possible);
    expect(pairs.filter((p) => !p.same)).toHaveLength(possible);
  });

  test("are at most 3,000 genuine ones where no number is given", () => {
    // Two people with 60 images each: 2 * 60 * 59 / 2 = 3,540 pairs.
    const pairs = listed({ genuine: 0, impostor: 0, folds: 10, seed: 4 }, Int32Array.of(0, 60, 120));
    expect(pairs.filter((p) => p.same)).toHaveLength(3000);
    expect(pairs.filter((p) => !p.same)).toHaveLength(3000);
  });

  test("can be every impostor pair there is", () => {
    // 21 images; 210 pairs, of which 25 are of one person.
    const pairs = listed({ genuine: 10, impostor: 210 - possible, folds: 10, seed: 1 });
    expect(pairs.filter((p) => !p.same)).toHaveLength(185);
  });

  test("are spread evenly over contiguous folds, genuine ones in the order of the people", () => {
    const pairs = listed({ genuine: 20, impostor: 50, folds: 10, seed: 9 });
    for (let fold = 0; fold < 10; fold++) {
      const part = pairs.slice(fold * 7, (fold + 1) * 7);
      expect(part.map((p) => p.same)).toEqual([true, true, false, false, false, false, false]);
    }
    const people = pairs.filter((p) => p.same).map((p) => personOf(p.a));
    expect(people).toEqual([...people].sort((a, b) => a - b));
  });

  test("list each image once, and only images that occur", () => {
    const { images, positions } = makePairs(offsets, { genuine: 12, impostor: 12, folds: 10, seed: 3 });
    expect(new Set(images).size).toBe(images.length);
    expect(new Set(positions)).toEqual(new Set(images.keys()));
  });

  test("are the same for one seed and others for another", () => {
    const options = { genuine: 12, impostor: 12, folds: 10 };
    expect(listed({ ...options, seed: 3 })).toEqual(listed({ ...options, seed: 3 }));
    expect(listed({ ...options, seed: 3 })).not.toEqual(listed({ ...options, seed: 4 }));
  });

  test("that cannot be made are refused", () => {
    const ask = (of: number[], genuine = 0, impostor = 0) =>
      codeOf(() => makePairs(Int32Array.from(of), { genuine, impostor, folds: 10, seed: 0 }));
    expect(ask([0, 30])).toBe("F2C2501");
    expect(ask([0, 1, 2, 3])).toBe("F2C2502");
    expect(ask([...offsets], possible + 1)).toBe("F2C2503");
    expect(ask([...offsets], 10, 186)).toBe("F2C2503");
    expect(ask([...offsets], 10, 185)).toBeUndefined();
  });
});
