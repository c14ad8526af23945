import { describe, expect, test } from "vitest";
import {
  always,
  cosine,
  descriptionOf,
  dual,
  experiment,
  f2c,
  fixed,
  mobileFaceNet,
  multistep,
  type Policy,
  plainSoftmax,
  polynomial,
  sgd,
  syntheticFaces,
  warmed,
} from "#dsl/index";

const own: Policy = ({ step }) => step;

describe("a policy of the library says how it was made", () => {
  test.each([
    [always(0.1), { kind: "always", value: 0.1 }],
    [
      multistep({ base: 0.1, epochs: [2, 4], warmup: 1 }),
      { kind: "multistep", base: 0.1, epochs: [2, 4], factor: 0.1, warmup: 1 },
    ],
    [
      multistep({ base: 0.1, epochs: [] }),
      { kind: "multistep", base: 0.1, epochs: [], factor: 0.1, warmup: 0 },
    ],
    [cosine({ base: 0.1 }), { kind: "cosine", base: 0.1, end: 0, warmup: 0 }],
    [cosine({ base: 0.1, end: 0.01, warmup: 2 }), { kind: "cosine", base: 0.1, end: 0.01, warmup: 2 }],
    [polynomial({ base: 0.1, power: 2 }), { kind: "polynomial", base: 0.1, power: 2, warmup: 0 }],
    [warmed(3, always(1)), { kind: "warmed", warmup: 3, policy: { kind: "always", value: 1 } }],
    [warmed(0, always(1)), { kind: "warmed", warmup: 0, policy: { kind: "always", value: 1 } }],
    [warmed(3, own), { kind: "warmed", warmup: 3, policy: undefined }],
    [own, undefined],
  ])("%#", (policy, description) => {
    expect(descriptionOf(policy)).toEqual(description);
  });

  test("and gives what it gave without", () => {
    const at = (step: number) => ({ step, epoch: Math.floor(step / 10), stepsPerEpoch: 10, steps: 100 });
    expect(cosine({ base: 0.2, warmup: 1 })(at(4))).toBeCloseTo(0.5 * 0.1 * (1 + Math.cos(0.04 * Math.PI)));
    expect(multistep({ base: 1, epochs: [2], warmup: 1 })(at(20))).toBeCloseTo(0.1);
    expect(polynomial({ base: 1, power: 2 })(at(50))).toBeCloseTo(0.25);
    expect(warmed(2, always(1))(at(9))).toBeCloseTo(0.5);
  });
});

test("a learning rate that is a number is always that number", () => {
  const { lr } = experiment({
    name: "one",
    data: syntheticFaces({ identities: 4, imagesPerIdentity: fixed(2), size: 16 }),
    method: f2c({ net: mobileFaceNet(), pool: { capacity: 4 }, margin: plainSoftmax() }),
    loader: dual({ identities: 1, instances: 2 }),
    optimizer: sgd(),
    lr: 0.1,
    steps: 1,
  });
  expect(descriptionOf(lr)).toEqual({ kind: "always", value: 0.1 });
});

test("a method names a policy of its own, and says how one of the library was made", () => {
  const made = (ema?: Policy | number) =>
    descriptionOf(
      f2c({
        net: mobileFaceNet({ embedding: 64 }),
        pool: { capacity: 4 },
        margin: plainSoftmax(),
        ...(ema !== undefined && { ema }),
      }),
    );
  expect(made()).toEqual({
    kind: "f2c",
    embedding: 64,
    ema: { kind: "always", value: 0.99 },
    margin: { kind: "plainSoftmax", scale: 32 },
    negatives: { k: "auto", scale: 1 },
    embed: "probe",
    streams: "apart",
  });
  expect(made(own)!.ema).toBe(own);
  expect(made(cosine({ base: 0.9 }))!.ema).toMatchObject({ kind: "cosine", base: 0.9 });
});

test("what was not made by a factory has no description", () => {
  for (const value of [undefined, null, 3, "cosine", {}, [], () => 1])
    expect(descriptionOf(value)).toBeUndefined();
});
