import { describe, expect, test } from "vitest";
import { sampledClasses } from "#dsl/plan/sampled-classes";
import { virtualColumns } from "#dsl/plan/virtual-columns";

const labels = Int32Array.of(7, 3, 7, 11, 3);

describe("a sample of classes", () => {
  const draw = (step: number, wanted = 8, identities = 40) =>
    sampledClasses(identities, labels, { wanted, room: 10, seed: 5, step });

  test("has the identities of the rows first, each once, then others, each once", () => {
    for (let step = 0; step < 200; step++) {
      const { sampled, ids, place } = draw(step);
      expect([...sampled.subarray(0, 3)]).toEqual([7, 3, 11]);
      expect(new Set(sampled.subarray(0, 8)).size).toBe(8);
      expect(Math.max(...sampled.subarray(0, 8))).toBeLessThan(40);
      // Places that are left name a row of the step again, so that nothing but sampled rows is moved.
      expect([...sampled.subarray(8)]).toEqual([7, 7]);
      expect([...ids]).toEqual([...sampled.subarray(0, 8), -1, -1]);
      expect([...place]).toEqual([0, 1, 0, 2, 1]);
    }
  });

  test("has all identities of the rows where fewer are wanted, and all there are where all are", () => {
    expect([...draw(0, 2).ids]).toEqual([7, 3, 11, -1, -1, -1, -1, -1, -1, -1]);
    const all = sampledClasses(12, labels, { wanted: 12, room: 12, seed: 1, step: 0 });
    expect([...all.sampled]).toEqual([...Array(12).keys()]);
    expect(all.place).toEqual(labels);
  });

  test("is the same at the same step, and another at another", () => {
    expect(draw(4)).toEqual(draw(4));
    expect(draw(4).sampled).not.toEqual(draw(5).sampled);
  });

  test("takes every other identity equally often", () => {
    const times = new Float64Array(40);
    const steps = 4000;
    for (let step = 0; step < steps; step++) for (const who of draw(step).ids) if (who >= 0) times[who]!++;
    const others = [...times].filter((_, who) => ![7, 3, 11].includes(who));
    // Five of 37 a step; seven standard deviations of a binomial count.
    const [p, n] = [5 / 37, steps];
    for (const count of others) expect(Math.abs(count - n * p)).toBeLessThan(7 * Math.sqrt(n * p * (1 - p)));
  });
});

describe("virtual columns", () => {
  test("are an identity's number modulo the columns; who finds it taken moves to a free one and leaves nothing there", () => {
    for (let step = 0; step < 100; step++) {
      const { touched, kept, target, place } = virtualColumns(8, Int32Array.of(3, 11, 4, 3, 19), 9, step);
      expect([touched[0], touched[2], touched[4]]).toEqual([3, 4, 8]);
      expect([...kept]).toEqual([1, 0, 1, 0, 0]);
      expect(new Set(touched.subarray(0, 4)).size).toBe(4);
      for (const moved of [touched[1]!, touched[3]!]) expect([3, 4]).not.toContain(moved);
      expect([...place]).toEqual([0, 1, 2, 0, 3]);
      expect([...target]).toEqual([...place].map((at) => touched[at]));
    }
  });

  test("are refused to more identities than there are columns", () => {
    expect(() => virtualColumns(2, Int32Array.of(0, 1, 2), 1, 0)).toThrow(
      expect.objectContaining({ code: "F2C2142" }),
    );
  });
});
