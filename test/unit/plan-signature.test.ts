/** Plans of later steps against the first: what fits passes as it is, everything else is refused. */
import { describe, expect, test } from "vitest";
import { flattenPlan, signatureOf } from "#compiler/build/plan-signature";
import { ExperimentError, type PlanValue } from "#dsl/index";

const first = {
  ema: 0.9,
  late: false,
  labels: Int32Array.of(1, 2, 3),
  seen: Uint8Array.of(0, 1),
  nested: { weights: Float32Array.of(0.5) },
};

const refusal = (plan: unknown): ExperimentError => {
  try {
    flattenPlan(plan as PlanValue, signatureOf(first), 7);
  } catch (error) {
    if (error instanceof ExperimentError) return error;
    throw error;
  }
  throw new Error("the plan was taken");
};

test("a plan like the first becomes scalars and arrays by their paths", () => {
  const later = { ...first, ema: Number.POSITIVE_INFINITY, labels: Int32Array.of(4, 5, 6) };
  expect(flattenPlan({ ...later, more: undefined } as never, signatureOf(first), 7)).toEqual({
    scalars: { ema: Number.POSITIVE_INFINITY, late: false },
    arrays: { labels: later.labels, seen: first.seen, "nested.weights": first.nested.weights },
  });
});

describe("refuses, and says what it was and what it is", () => {
  test.each([
    [
      "another length",
      { labels: Int32Array.of(1) },
      "`labels` of the plan is Int32Array of length 1 at step 7, but was Int32Array of length 3 at step 0",
    ],
    [
      "another kind of array",
      { labels: Float32Array.of(1, 2, 3.5) },
      "`labels` of the plan is Float32Array of length 3 at step 7, but was Int32Array of length 3 at step 0",
    ],
    [
      "a mask of bytes for indices",
      { labels: Uint8Array.of(1, 2, 3) },
      "`labels` of the plan is Uint8Array of length 3",
    ],
    [
      "a boolean for a number",
      { ema: true },
      "`ema` of the plan is a boolean at step 7, but was a number at step 0",
    ],
    [
      "a number for a boolean",
      { late: 0 },
      "`late` of the plan is a number at step 7, but was a boolean at step 0",
    ],
    ["a number for an array", { seen: 1 }, "`seen` of the plan is a number"],
    [
      "an array for a record",
      { nested: Int32Array.of(1) },
      "`nested` of the plan is Int32Array of length 1 at step 7, but was a record at step 0",
    ],
    ["nothing", { late: undefined }, "`late` of the plan is missing at step 7, but was a boolean at step 0"],
    ["less in a record", { nested: {} }, "`nested.weights` of the plan is missing"],
    [
      "more than there was",
      { extra: 1 },
      "`extra` of the plan is a number at step 7, but was not there at step 0",
    ],
  ] as const)("%s", (_, change, message) => {
    const error = refusal({ ...first, ...change });
    expect(error.code).toBe("F2C2402");
    expect(error.message).toContain(message);
  });

  test("a field that every object has a function of", () => {
    expect(refusal({ ...first, toString: 1 }).message).toContain("`toString` of the plan is a number");
  });

  test("a number that is none", () => {
    const error = refusal({ ...first, ema: Number.NaN });
    expect([error.code, error.message]).toEqual(["F2C2403", "`ema` of the plan is NaN at step 7"]);
  });
});
