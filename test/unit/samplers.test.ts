/** Samplers and what augmentations draw: exact counts, and independence of what else is drawn. */
import { describe, expect, test } from "vitest";
import {
  balanced,
  dual,
  flip,
  identities,
  instances,
  loader,
  type PlannedImages,
  type Sampler,
} from "#dsl/index";
import { randomUnit } from "#dsl/plan/counter-random";
import { drawsAt } from "#dsl/plan/draws";

/** Seven identities with 1 to 7 images: 28. */
const OFFSETS = Int32Array.from([0, 1, 3, 6, 10, 15, 21, 28]);
const IDENTITIES = 7;
const owner = (image: number) => OFFSETS.findLastIndex((first) => first <= image);

/** Images and labels of so many steps, one after the other. */
function sampled(sampler: Sampler, steps: number, stream = "x") {
  const opened = sampler.sampler(OFFSETS, 5);
  const all = Array.from({ length: steps }, (_, step) => opened.sample(step)[stream] as PlannedImages);
  return {
    stepsPerEpoch: opened.stepsPerEpoch,
    steps: all.map(({ images }) => [...images]),
    images: all.flatMap(({ images }) => [...images]),
    labels: all.flatMap(({ labels }) => [...labels]),
  };
}
const counts = (values: readonly number[], n: number) => {
  const found = new Array<number>(n).fill(0);
  for (const v of values) found[v]!++;
  return found;
};

describe.each([
  ["dual, x", dual({ identities: 3, instances: 4 }), "x"],
  ["dual, y", dual({ identities: 3, instances: 4 }), "y"],
  ["instances", instances({ images: 5 }), "x"],
  ["identities", identities({ identities: 3, each: 2 }), "x"],
  ["balanced", balanced({ images: 5 }), "x"],
] as const)("%s", (_, sampler, stream) => {
  test("every image has the label of its identity, and a step has as many as the stream says", () => {
    const { images, labels, steps } = sampled(sampler, 40, stream);
    expect(labels).toEqual(images.map(owner));
    expect(new Set(steps.map((s) => s.length))).toEqual(new Set([sampler.streams[stream]]));
  });

  test("a step is the same whichever were asked for before", () => {
    const [a, b] = [sampler.sampler(OFFSETS, 5), sampler.sampler(OFFSETS, 5)];
    a.sample(0);
    a.sample(11);
    expect(a.sample(7)).toEqual(b.sample(7));
  });
});

test("instances: every image once an epoch, in another order each", () => {
  const { images, stepsPerEpoch } = sampled(instances({ images: 4 }), 14);
  expect(stepsPerEpoch).toBe(7);
  const epochs = [images.slice(0, 28), images.slice(28)];
  for (const epoch of epochs) expect(counts(epoch, 28)).toEqual(new Array(28).fill(1));
  expect(epochs[0]).not.toEqual(epochs[1]);
});

test("identities: each as often as any other, its images one after the other and different where it has enough", () => {
  const { labels, steps, stepsPerEpoch } = sampled(identities({ identities: 7, each: 3 }), 50);
  expect(stepsPerEpoch).toBe(1);
  expect(counts(labels, IDENTITIES)).toEqual(new Array(IDENTITIES).fill(150));
  for (const images of steps)
    for (let i = 0; i < images.length; i += 3) {
      const three = images.slice(i, i + 3);
      expect(new Set(three.map(owner)).size).toBe(1);
      const enough = OFFSETS[owner(three[0]!) + 1]! - OFFSETS[owner(three[0]!)]!;
      expect(new Set(three).size).toBe(Math.min(3, enough));
    }
});

test("balanced: each identity as often as any other, each of its images about as often", () => {
  const { labels, images, stepsPerEpoch } = sampled(balanced({ images: 7 }), 1400);
  expect(stepsPerEpoch).toBe(4);
  expect(counts(labels, IDENTITIES)).toEqual(new Array(IDENTITIES).fill(1400));
  // Of the identity with seven images each comes 200 times, give or take six deviations.
  for (const n of counts(images, 28).slice(21))
    expect(Math.abs(n - 200)).toBeLessThan(6 * Math.sqrt(200 * (6 / 7)));
});

describe("what is refused", () => {
  test.each([
    [() => instances({ images: 0 }), "instances: `images` is 0"],
    [() => balanced({ images: 2.5 }), "balanced: `images` is 2.5"],
    [() => identities({ identities: 2, each: 0 }), "identities: `each` is 0"],
    [
      () => identities({ identities: 8, each: 1 }).sampler(OFFSETS, 0),
      "`identities` is 8, but the data source has 7",
    ],
  ])("%#", (make, message) => {
    expect(make).toThrow(message);
  });
});

describe("draws", () => {
  const place = { seed: 9, step: 3, stream: 1, images: 6, owner: "noise", repetition: 0 };

  test("a number names a stream of random numbers itself, its neighbour for the second stream of images", () => {
    const drawn = drawsAt(place).uniform(100, 2, 0.5);
    const wanted = Array.from({ length: 6 }, (_, i) =>
      Math.fround(2 + 0.5 * (2 * randomUnit(9, 101, 18 + i) - 1)),
    );
    expect([...drawn]).toEqual(wanted);
  });

  test("differ by name, owner, stream, step, seed and repetition", () => {
    const first = [...drawsAt(place).uniform("level", 0, 1)];
    const others = [
      drawsAt(place).uniform("angle", 0, 1),
      ...Object.entries({ owner: "other", stream: 2, step: 4, seed: 8, repetition: 1 }).map(([key, value]) =>
        drawsAt({ ...place, [key]: value }).uniform("level", 0, 1),
      ),
    ];
    for (const other of others) expect([...other]).not.toEqual(first);
  });

  test("an augmentation draws the same whichever stand before it", () => {
    const mirrored = (...before: Parameters<typeof loader> extends [unknown, ...infer A] ? A : never) =>
      loader(dual({ identities: 3, instances: 4 }), ...before, flip())
        .open(OFFSETS, 5)
        .batch(2).y!.changes.flip;
    expect(mirrored()).toEqual(mirrored({ name: "other", draw: (r) => r.coins("c"), apply: (x) => x }));
  });

  test("as many are chosen as their probability says", () => {
    const many = drawsAt({ ...place, images: 10_000 });
    const share = (values: Uint8Array) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(share(many.chosen("a", 0))).toBe(0);
    expect(share(many.chosen("a", 1))).toBe(1);
    expect(Math.abs(share(many.chosen("a", 0.3)) - 0.3)).toBeLessThan(6 * Math.sqrt(0.21 / 10_000));
    expect(Math.abs(share(many.coins("a")) - 0.5)).toBeLessThan(6 * Math.sqrt(0.25 / 10_000));
  });
});
