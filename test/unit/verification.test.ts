import { describe, expect, test, vi } from "vitest";
import { makePairs } from "#dsl/evaluate/pairs";
import { roc, tarAtFar, tenFold } from "#dsl/evaluate/rates";
import { rocCurve, verify } from "#dsl/evaluate/verification";
import { verification } from "#dsl/index";
import { curvesFigure, curvesSvg, figuresOf } from "#runtime/evaluate/curve-plot";
import { fractions } from "./dice.js";
import { cosinesOf } from "./protocol-view.js";
import { codeOf } from "./thrown.js";

/** Similarities of `n` pairs, those of the same person higher by `gap`, rounded to `digits` so that some tie. */
function drawn(n: number, gap: number, digits: number, seed: number) {
  const random = fractions(seed);
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
    return { accuracy: accuracy(best.threshold, (i) => fold[i] === f), threshold: best.threshold };
  });
  const mean = tested.reduce((sum, t) => sum + t.accuracy, 0) / folds;
  return {
    accuracy: mean,
    std: Math.sqrt(tested.reduce((sum, t) => sum + (t.accuracy - mean) ** 2, 0) / folds),
    // |a - b|^2 = 2 - 2 cos for unit vectors.
    threshold: tested.reduce((sum, t) => sum + (2 - t.threshold) / 2, 0) / folds,
  };
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
      expect(got.threshold).toBeCloseTo(expected.threshold, 12);
    }
  });

  test("is 1 without spread where one threshold parts the pairs", () => {
    const same = Uint8Array.from({ length: 40 }, (_, i) => i % 2);
    const similarity = Float64Array.from(same, (s) => (s ? 0.6 : 0.1));
    // Squared distances of 0.8 and 1.8: the first threshold above the former is 0.81, a cosine of 0.595.
    const { threshold, ...rates } = tenFold(similarity, same);
    expect(rates).toEqual({ accuracy: 1, std: 0 });
    expect(threshold).toBeCloseTo(0.595, 12);
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

test("names of curves with a peak stand below the figure, where they hide nothing", () => {
  const curve = rocCurve([{ far: 0, tar: 0 }], 9, []);
  const orient = (points: readonly (readonly [number, number])[]) =>
    JSON.stringify(curvesFigure([{ label: "net", curve: { ...curve, points } }])).match(
      /"orient":"([^"]*)"/,
    )![1];
  expect(
    orient([
      [0, 0],
      [0.5, 3],
      [1, 0],
    ]),
  ).toBe("bottom");
  expect(
    orient([
      [0, 0],
      [0.5, 1],
      [1, 1],
    ]),
  ).toBe("bottom-right");
  expect(
    orient([
      [0, 1],
      [0.5, 0],
      [1, 0],
    ]),
  ).toBe("top-right");
});

test("curves that name a figure share it, each by its subject and its own name; others have one of their own", () => {
  const curve = rocCurve([{ far: 0, tar: 0 }], 9, []);
  const scores = { ...curve, figure: "scores" };
  const curves = { roc: curve, genuine: scores, impostor: scores };
  const figures = figuresOf([
    { label: "trained net", curves },
    { label: "raw pixels", curves },
  ]);
  const labels = [...figures].map(([figure, lines]) => [figure, lines.map(({ label }) => label)]);
  const shared = [
    "trained net, genuine",
    "trained net, impostor",
    "raw pixels, genuine",
    "raw pixels, impostor",
  ];
  expect(labels).toEqual([
    ["roc", ["trained net", "raw pixels"]],
    ["scores", shared],
  ]);
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

  test("drawn as SVG escapes its labels and stays inside its frame", async () => {
    const points = [
      { far: 0, tar: 0 },
      { far: 0, tar: 0.4 },
      { far: 0.01, tar: 0.8 },
      { far: 1, tar: 1 },
    ];
    const curve = { ...rocCurve(points, 1000, [0.1, 0.001]), title: 'the "net"' };
    const svg = await curvesSvg([{ label: "a < b & c", curve }], ["run <1> after 8 steps"]);
    for (const text of ["a &lt; b &amp; c", "run &lt;1&gt; after 8 steps"])
      expect(svg).toContain(`>${text}</text>`);
    expect(svg).toMatch(/>the (&quot;|")net(&quot;|")<\/text>/);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const path = /aria-roledescription="line mark"[^>]* d="M([^"]+)"/.exec(svg)![1]!;
    const places = path.split("L").map((p) => p.split(",").map(Number));
    // It begins at the left edge, at the height that the points before it have reached: 0.4.
    expect(places).toHaveLength(3);
    const [width, height] = [560, 380];
    expect(places[0]![0]).toBe(0);
    expect(places[0]![1]).toBeCloseTo(height * (1 - 0.4), 3);
    expect(places[1]![0]).toBeCloseTo(width / 3, 3); // 0.01 is one of three decades from the left
    for (const [x, y] of places as [number, number][]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(height);
    }
  });

  test("drawn without a warning, twice the same, with a rule of the night for every colour of the day", async () => {
    const warned = vi.spyOn(console, "warn");
    const curve = rocCurve(
      [
        { far: 0, tar: 0 },
        { far: 1, tar: 1 },
      ],
      36,
      [0.1, 0.001],
    );
    const lines = ["trained net", "untrained net", "raw pixels"].map((label) => ({ label, curve }));
    const svg = await curvesSvg(lines);
    expect(await curvesSvg(lines)).toBe(svg);
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
    for (const [, attribute, colour] of svg.matchAll(/(fill|stroke)="(#[0-9a-f]{6})"/g))
      expect(svg).toContain(`[${attribute}="${colour}"]{${attribute}:`);
  });
});

describe("the plot of a ROC whose lowest rates the pairs cannot tell", () => {
  const WIDTH = 560;
  const HEIGHT = 380;
  /** From 0 to the width for rates from `lowest` to 1, as a logarithm. */
  const across = (far: number, lowest = 1e-3) => WIDTH * (1 - Math.log10(far) / Math.log10(lowest));
  const plotted = async (impostor: number, fars: readonly number[], points = [0, 0.4, 0.8, 1]) => {
    const steps = points.map((tar, k) => ({ far: k / impostor, tar }));
    const curve = rocCurve([...steps, { far: 1, tar: 1 }], impostor, fars);
    const svg = await curvesSvg([{ label: "net", curve }]);
    const path = /aria-roledescription="line mark"[^>]* d="M([^"]+)"/.exec(svg)![1]!;
    return { svg, path: path.split("L").map((p) => p.split(",").map(Number) as [number, number]) };
  };

  test("says which of the rates asked for these are, and draws nothing there", async () => {
    const { svg, path } = await plotted(36, [0.1, 0.01, 0.001]);
    expect(svg).toContain("FAR 0.01, 0.001: too few impostor pairs (36)");
    expect(path[0]![0]).toBeCloseTo(across(1 / 36), 0);
    for (const [x] of path) expect(x).toBeGreaterThanOrEqual(path[0]![0]);
    // The height of what is accepted with no impostor, then that of one impostor.
    for (const [i, tar] of [0, 0.4].entries()) expect(path[i]![1]).toBeCloseTo(HEIGHT * (1 - tar), 0);
  });

  test("says so too where no rate that is asked for lies there", async () => {
    expect((await plotted(36, [0.1])).svg).toContain(">too few impostor pairs (36)<");
  });

  test("is silent where they can tell all of it", async () => {
    expect((await plotted(1000, [0.1, 0.01, 0.001])).svg).not.toContain("too few");
    // A rate of exactly one pair is told: 0.05 of 20.
    expect((await plotted(20, [0.05])).svg).not.toContain("FAR");
  });

  test("reaches down to the lowest rate that is asked for", async () => {
    const { svg, path } = await plotted(40_000, [1e-4]);
    expect(svg).toContain(">0.0001</text>");
    expect(path[0]![0]).toBeCloseTo(across(1e-4, 1e-4), 0);
    expect(svg).not.toContain("too few");
  });
});

describe("verification of pairs", () => {
  /** Pairs in the order of `folds` folds, as makePairs puts them: in each its share of genuine ones, then of impostors. */
  const ordered = (genuine: number, impostor: number, folds: number) => {
    const cut = (n: number, f: number) => Math.floor((f * n) / folds);
    const share = (n: number, f: number) => cut(n, f + 1) - cut(n, f);
    return Uint8Array.from(
      Array.from({ length: folds }, (_, f) => [
        ...Array<number>(share(genuine, f)).fill(1),
        ...Array<number>(share(impostor, f)).fill(0),
      ]).flat(),
    );
  };

  test("of a net that knows nothing is near a half, however many impostors there are", () => {
    const random = fractions(11);
    const same = ordered(300, 25_000, 10);
    const similarity = Float64Array.from(same, () => 2 * random() - 1);
    const found = verify(similarity, { same }, [0.1, 1e-3, 1e-5]);
    // "Always another person" is right for 25,000 of 25,300 pairs, 98.81 %: no accuracy of 600 balanced pairs.
    expect(tenFold(similarity, same).accuracy).toBeCloseTo(25_000 / 25_300, 3);
    expect(Math.abs(found.accuracy - 0.5)).toBeLessThan(0.08);
    expect(found).toMatchObject({ pairs: 600, genuine: 300, impostor: 25_000 });
    // The rates take all pairs: one of 25,000 can be told apart from none.
    expect(found.tarAtFar).toEqual(tarAtFar(similarity, same, [0.1, 1e-3, 1e-5]));
    expect(found.tarAtFar["0.001"]).not.toBeNull();
    expect(found.tarAtFar[String(1e-5)]).toBeNull();
    expect(found.points).toEqual(roc(similarity, same));
  });

  test.each([
    [30, 30],
    [300, 2500],
    [37, 215],
    [215, 37],
    [15, 16],
  ])("has as many genuine as impostor pairs in every fold (%i and %i)", (genuine, impostor) => {
    const same = ordered(genuine, impostor, 10);
    const each = Math.min(genuine, impostor);
    const similarity = Float64Array.from(same, (mark) => (mark ? 0.8 : 0.2));
    const found = verify(similarity, { same }, []);
    expect(found).toMatchObject({ accuracy: 1, std: 0, pairs: 2 * each, genuine, impostor });
    // One kind alone is right in exactly half of each fold, wherever the threshold lies: no deviation between the folds.
    const blind = verify(
      Float64Array.from(same, () => 0.5),
      { same },
      [],
    );
    expect(blind.accuracy).toBeCloseTo(0.5, 12);
    expect(blind.std).toBeCloseTo(0, 12);
  });

  test("takes every so-manyeth pair of the larger kind, and each of the smaller", () => {
    const same = ordered(10, 30, 10);
    // Impostors 0, 3, 6 … of 30 are those taken: told right; the others would be told wrong.
    let k = 0;
    const similarity = Float64Array.from(same, (mark) => (mark ? 0.8 : k++ % 3 === 0 ? 0.2 : 0.9));
    expect(verify(similarity, { same }, []).accuracy).toBe(1);
  });

  test("of balanced pairs is the protocol on them as they stand", () => {
    const random = fractions(5);
    const same = ordered(200, 200, 10);
    const similarity = Float64Array.from(same, (mark) => 1.4 * random() - 0.9 + 0.4 * mark);
    const { accuracy, std, threshold } = verify(similarity, { same }, []);
    expect({ accuracy, std, threshold }).toEqual(tenFold(similarity, same));
  });
});

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

  /** How many genuine pairs each person supplies. */
  const shares = (of: Int32Array, pairs: ReturnType<typeof listed>) => {
    const counts = new Map<number, number>();
    for (const { a, b, same } of pairs) {
      if (!same) continue;
      const person = of.findLastIndex((from) => from <= a);
      expect(of.findLastIndex((from) => from <= b)).toBe(person);
      counts.set(person, (counts.get(person) ?? 0) + 1);
    }
    return Array.from({ length: of.length - 1 }, (_, person) => counts.get(person) ?? 0);
  };
  const distinctPairs = (pairs: ReturnType<typeof listed>) =>
    new Set(pairs.map(({ a, b }) => `${Math.min(a, b)} ${Math.max(a, b)}`)).size;

  test("are shared out evenly: nobody supplies more than one beyond another who has more to give", () => {
    // They have 3, 1, 0, 6, 6, 3 and 6 pairs, so that a level of 3 gives 16.
    const level = [3, 1, 0, 3, 3, 3, 3];
    expect(shares(offsets, listed({ genuine: 16, impostor: 10, folds: 10, seed: 2 }))).toEqual(level);
    for (const seed of [1, 2, 3]) {
      const given = shares(offsets, listed({ genuine: 18, impostor: 10, folds: 10, seed }));
      const more = given.map((n, person) => n - level[person]!);
      // Two more of the three who have more, and nobody else.
      expect(more.toSorted()).toEqual([0, 0, 0, 0, 0, 1, 1]);
      expect([0, 1, 2, 5].map((person) => more[person])).toEqual([0, 0, 0, 0]);
    }
  });

  test("of a crowd beside few people are not nearly all of the crowd", () => {
    // 30 people of 4 images, and one of 2,000, who has 1,999,000 of the 1,999,180 pairs.
    const crowd = Int32Array.from([...Array.from({ length: 31 }, (_, i) => 4 * i), 2120]);
    const given = shares(crowd, listed({ genuine: 240, impostor: 100, folds: 10, seed: 3 }, crowd));
    expect(given).toEqual([...Array<number>(30).fill(6), 60]);
  });

  test("are drawn, not listed: 4 people of 7,000 images, and 2 of a hundred million", () => {
    for (const images of [7000, 65_537, 100_000_000]) {
      const people = images > 1e6 ? 2 : 4;
      const many = Int32Array.from({ length: people + 1 }, (_, i) => i * images);
      const pairs = listed({ genuine: 0, impostor: 4000, folds: 10, seed: 6 }, many);
      expect(shares(many, pairs)).toEqual(Array<number>(people).fill(3000 / people));
      expect(distinctPairs(pairs)).toBe(7000);
      for (const { a, b, same } of pairs) {
        expect(a).not.toBe(b);
        expect(Math.floor(a / images) === Math.floor(b / images)).toBe(same);
      }
      // Any image may come: the mean of evenly drawn ones lies in the middle, within six deviations.
      const mean = pairs.reduce((sum, { a, b }) => sum + a + b, 0) / (2 * pairs.length) / many.at(-1)!;
      expect(Math.abs(mean - 0.5)).toBeLessThan(6 / Math.sqrt(12 * 2 * pairs.length));
      expect(listed({ genuine: 0, impostor: 4000, folds: 10, seed: 6 }, many)).toEqual(pairs);
    }
  });

  test.each([
    [8, 28],
    [300, 44_850],
  ])("of one person of %i images can be each of the %i that there are", (images, all) => {
    const two = Int32Array.of(0, images, images + 6);
    const pairs = listed({ genuine: all + 15, impostor: 10, folds: 10, seed: 1 }, two).filter((p) => p.same);
    expect(distinctPairs(pairs)).toBe(all + 15);
    expect(pairs.every(({ a, b }) => a < b)).toBe(true);
    // In the order of the people and their images, as if they had been listed.
    const key = ({ a, b }: { a: number; b: number }) => a * (images + 6) + b;
    expect(pairs.map(key)).toEqual(pairs.map(key).toSorted((x, y) => x - y));
  });

  test("of two people are each as likely as the others, one of them a crowd", () => {
    // 3 x 40 pairs; 30 of them a seed.
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++)
      for (const { a, b, same } of listed(
        { genuine: 10, impostor: 30, folds: 10, seed },
        Int32Array.of(0, 3, 43),
      ))
        if (!same) counts.set(`${a} ${b}`, (counts.get(`${a} ${b}`) ?? 0) + 1);
    expect(counts.size).toBe(120);
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - 100) ** 2 / 100, 0);
    expect(Math.abs(chi - 119)).toBeLessThan(6 * Math.sqrt(2 * 119));
  });

  test("are found where almost none are: one person of 28,000 images, one of 1", () => {
    const pairs = listed(
      { genuine: 10, impostor: 28_000, folds: 10, seed: 1 },
      Int32Array.of(0, 28_000, 28_001),
    );
    expect(distinctPairs(pairs)).toBe(28_010);
  });

  test("of different people are as many as there are, where that is fewer than the genuine ones and none are asked for", () => {
    // 4,950 and 1 genuine pairs, 200 of two people.
    const pairs = listed({ genuine: 0, impostor: 0, folds: 10, seed: 1 }, Int32Array.of(0, 100, 102));
    expect(pairs.filter((p) => !p.same)).toHaveLength(200);
    expect(pairs.filter((p) => p.same)).toHaveLength(3000);
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
    // A fold without a pair of either kind has no accuracy.
    expect(ask([...offsets], 9)).toBe("F2C2504");
    expect(ask([...offsets], 10, 9)).toBe("F2C2504");
    expect(ask([0, 5, 6])).toBe("F2C2504"); // 10 genuine pairs, 5 of two people
  });

  test("that nobody can count are refused where they are asked for", () => {
    const ask = (options: Parameters<typeof verification>[0]) => codeOf(() => verification(options));
    for (const odd of [-1, 2.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(ask({ pairs: { genuine: odd, impostor: 10 } })).toBe("F2C2504");
      expect(ask({ pairs: { genuine: 10, impostor: odd } })).toBe("F2C2504");
    }
    for (const odd of [0, -0.1, 1.5, Number.NaN]) expect(ask({ far: [0.1, odd] })).toBe("F2C2504");
    expect(ask({ pairs: { genuine: 0, impostor: 0 }, far: [1, 1e-6] })).toBeUndefined();
  });
});

test("the threshold of each rate is the lowest score that is accepted, and the histogram has every pair", async () => {
  const offsets = Int32Array.from({ length: 41 }, (_, i) => 3 * i);
  const pairs = { genuine: 100, impostor: 400 };
  const opened = verification({ pairs, far: [0.1, 0.01, 0.001] }).open({ offsets, seed: 1, directory: "." });
  const person = (image: number) => Math.floor(image / 3);
  /** Between -1 and 1, higher for one person, and different for every pair. */
  const cosine = (a: number, b: number) =>
    Math.sin(12.9898 * a + 78.233 * b + 3) * 0.6 + (person(a) === person(b) ? 0.3 : 0);
  const seen: { readonly same: boolean; readonly score: number }[] = [];
  const view = cosinesOf(opened.images, (a, b) => {
    const score = cosine(a, b);
    seen.push({ same: person(a) === person(b), score });
    return score;
  });
  const { numbers, curves } = await opened.score(view);
  const impostors = seen.filter(({ same }) => !same).map(({ score }) => score);
  expect(impostors.length).toBe(400);
  for (const far of [0.1, 0.01]) {
    const threshold = numbers[`threshold at FAR ${far}`]!.value!;
    expect(seen.map(({ score }) => score)).toContain(threshold);
    const accepted = (least: number) => impostors.filter((score) => score >= least).length / 400;
    const next = Math.max(...seen.map(({ score }) => score).filter((score) => score < threshold));
    expect(accepted(threshold)).toBeLessThanOrEqual(far);
    expect(accepted(next)).toBeGreaterThan(far);
    const genuine = seen.filter(({ same }) => same).map(({ score }) => score);
    const tar = genuine.filter((score) => score >= threshold).length / genuine.length;
    expect(numbers[`TAR at FAR ${far}`]!.value).toBe(tar);
  }
  // Finer than one of 400 impostor pairs.
  expect(numbers["TAR at FAR 0.001"]!.value).toBeNull();
  for (const [kind, count] of [
    ["genuine", 100],
    ["impostor", 400],
  ] as const) {
    const { points, figure } = curves[kind]!;
    expect(figure).toBe("scores");
    expect(points.reduce((sum, [, share]) => sum + share, 0)).toBeCloseTo(1, 12);
    const high = points.filter(([x]) => x > 0.5).reduce((sum, [, share]) => sum + share * count, 0);
    const wanted = seen.filter(({ same, score }) => same === (kind === "genuine") && score >= 0.5).length;
    expect(high).toBeCloseTo(wanted, 9);
  }
});
