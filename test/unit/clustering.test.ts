import { describe, expect, test } from "vitest";
import { bCubedF, pairwiseF } from "#dsl/index";
import { dice } from "./dice.js";
import { codeOf } from "./thrown.js";

/** Every pair, one by one. */
function literalPairs(truth: Int32Array, found: Int32Array) {
  let [together, belong, right] = [0, 0, 0];
  for (let i = 0; i < truth.length; i++)
    for (let j = 0; j < i; j++) {
      if (found[i] === found[j]) together++;
      if (truth[i] === truth[j]) belong++;
      if (found[i] === found[j] && truth[i] === truth[j]) right++;
    }
  return { precision: right / together, recall: right / belong };
}

/** Every thing against every thing, as Amigó and others (2009) write it: the mean correctness over those that share its cluster, or its class. */
function literalBCubed(truth: Int32Array, found: Int32Array) {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const all = [...truth.keys()];
  const precision = all.map((i) =>
    mean(all.filter((j) => found[i] === found[j]).map((j) => (truth[i] === truth[j] ? 1 : 0))),
  );
  const recall = all.map((i) =>
    mean(all.filter((j) => truth[i] === truth[j]).map((j) => (found[i] === found[j] ? 1 : 0))),
  );
  return { precision: mean(precision), recall: mean(recall) };
}

const drawn = (seed: number, things: number, classes: number, clusters: number) => {
  const roll = dice(seed);
  const of = (n: number) => Int32Array.from({ length: things }, () => roll(n));
  return [of(classes), of(clusters)] as const;
};

describe.each([
  ["pairwise F", pairwiseF, literalPairs],
  ["BCubed F", bCubedF, literalBCubed],
] as const)("%s", (_, score, literal) => {
  test.each([
    [1, 60, 7, 5],
    [2, 90, 3, 30],
    [3, 90, 40, 2],
  ])(
    "equals the literal definition (seed %i: %i things, %i classes, %i clusters)",
    (seed, things, classes, clusters) => {
      const [truth, found] = drawn(seed, things, classes, clusters);
      const expected = literal(truth, found);
      const got = score(truth, found);
      expect(got.precision).toBeCloseTo(expected.precision, 12);
      expect(got.recall).toBeCloseTo(expected.recall, 12);
      expect(got.f).toBeCloseTo(2 / (1 / expected.precision + 1 / expected.recall), 12);
      expect(got.precision).not.toBe(got.recall);
    },
  );

  test("what was found is who they are: 1, by whatever numbers", () => {
    expect(score(Int32Array.of(0, 0, 1, 2), Int32Array.of(7, 7, 3, 0))).toEqual({
      precision: 1,
      recall: 1,
      f: 1,
    });
  });

  test("lists of two lengths, empty ones, and numbers below 0 are refused", () => {
    expect(codeOf(() => score(Int32Array.of(0, 1), Int32Array.of(0)))).toBe("F2C2510");
    expect(codeOf(() => score(new Int32Array(0), new Int32Array(0)))).toBe("F2C2510");
    expect(codeOf(() => score(Int32Array.of(0, 1), Int32Array.of(0, -1)))).toBe("F2C2510");
  });
});

test("by hand: {a a b} {a b b}", () => {
  const [truth, found] = [Int32Array.of(0, 0, 1, 0, 1, 1), Int32Array.of(0, 0, 0, 1, 1, 1)];
  // Six pairs are together, of which 2 belong together; of the six that belong together, these 2.
  expect(pairwiseF(truth, found)).toEqual({ precision: 1 / 3, recall: 1 / 3, f: 1 / 3 });
  // In each cluster two of three things have 2/3 of it as their own, and one has 1/3.
  expect(bCubedF(truth, found).f).toBeCloseTo((2 * (2 / 3) + 1 / 3) / 3, 12);
});

test("without pairs: nothing found is no wrong pair, and each by itself has no pair to find", () => {
  expect(pairwiseF(Int32Array.of(0, 0), Int32Array.of(0, 1))).toEqual({ precision: 1, recall: 0, f: 0 });
  expect(pairwiseF(Int32Array.of(0, 1), Int32Array.of(0, 0))).toEqual({ precision: 0, recall: 1, f: 0 });
});

test("where no pair is right, F is 0", () => {
  expect(pairwiseF(Int32Array.of(0, 0, 1, 1), Int32Array.of(0, 1, 0, 1))).toEqual({
    precision: 0,
    recall: 0,
    f: 0,
  });
});
