/** MegaFace's lists: what is wrong with them is said. What the numbers are, `test_megaface.py` tells. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type MegaFaceOptions, megaFace, scoreMegaFace } from "#dsl/index";
import { embeddingsOf } from "./protocol-view.js";
import { codeOf, thrownBy } from "./thrown.js";

const NAMES = ["p/a/1.png", "p/a/2.png", "p/b/3.png", "d/0/4.jpg", "d/0/5.jpg", "d/1/6.jpg"];
const LISTS = { probes: "a/1.png\na/2.png\nb/3.png\n", distractors: "d/0/4.jpg\nd/0/5.jpg\nd/1/6.jpg\n" };

/** Opens the protocol on lists, which are written to a folder of their own. */
function opened(lists: Readonly<Record<string, string>> = {}, options: Partial<MegaFaceOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "f2c-megaface-"));
  for (const [name, text] of Object.entries({ ...LISTS, ...lists })) writeFileSync(join(folder, name), text);
  const people = {
    offsets: Int32Array.of(0, 6),
    seed: 3,
    directory: folder,
    names: { length: 6, slice: (first: number, end: number) => NAMES.slice(first, end) },
  };
  try {
    return megaFace({ probes: "probes", distractors: "distractors", ...options }).open(people);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const NOISE = { noise: { probes: "noise", distractors: "others" } };

test("says what there is; with fewer than ten distractors, all of them are one size", () => {
  expect(opened().says).toBe("3 probes of 2 people (0 noisy) among up to 3 distractors (0 noisy)");
  const noise = { noise: "# these\n2.png\n", others: "1\t0/5.jpg\n" };
  expect(opened(noise, NOISE).says).toBe(
    "3 probes of 2 people (1 noisy) among up to 3 distractors (1 noisy)",
  );
  expect(opened({}, { sizes: [1, 2] }).images).toHaveLength(5);
});

test("which distractors join first is drawn by the seed, and does not depend on how many are asked for", () => {
  const [some, all] = [opened({}, { sizes: [2] }).images, opened().images];
  expect([...all.subarray(0, 5)]).toEqual([...some]);
  expect([...all].sort()).toEqual([0, 1, 2, 3, 4, 5]);
});

describe("refused", () => {
  test.each<
    [code: string, says: string, lists: Readonly<Record<string, string>>, options?: Partial<MegaFaceOptions>]
  >([
    ["F2C2511", "the list nowhere cannot be read", {}, { probes: "nowhere" }],
    ["F2C2512", "probes lists nothing", { probes: "\n" }],
    ["F2C2514", "distractors, line 1: there is no image 9.jpg", { distractors: "9.jpg\n" }],
    ["F2C2521", "probes, line 2: a/1.png stands there a second time", { probes: "a/1.png\na/1.png\n" }],
    ["F2C2521", "probes, image 1: 3.png lies in no folder", { probes: "3.png\n" }],
    [
      "F2C2521",
      "none of the images of probes is on the list of noise noise",
      { noise: "7.png\n", others: "4.jpg" },
      NOISE,
    ],
    ["F2C2521", "probes: all images of b are noise", { noise: "3.png\n", others: "4.jpg" }, NOISE],
    ["F2C2521", "probes and distractors list the same image", { distractors: "p/a/1.png\n" }],
    ["F2C2522", "megaFace: 4 distractors are asked for, and distractors lists 3", {}, { sizes: [1, 4] }],
    ["F2C2522", "megaFace: `sizes` is [2, 2]", {}, { sizes: [2, 2] }],
    ["F2C2522", "megaFace: `sizes` is []", {}, { sizes: [] }],
    ["F2C2522", "megaFace: `distractors` is no path", {}, { distractors: "" }],
    ["F2C2517", "megaFace: a false accept rate is 2", {}, { far: [2] }],
  ])("%s: %s", (code, says, lists, options) => {
    const { message, ...error } = thrownBy(() => opened(lists, options)) as Record<string, string>;
    expect([error.code, message]).toEqual([code, expect.stringContaining(says)]);
  });

  const rows = (count: number) => embeddingsOf(new Int32Array(count), () => [1, 0]);
  const caught = async (work: Promise<unknown>) =>
    codeOf(
      await work.then(
        () => () => {},
        (error) => () => {
          throw error;
        },
      ),
    );
  test("probes none of which has a mate, and distractors none of which is left", async () => {
    const size = { asked: 3, rows: 3 };
    const far = { far: [0.1] };
    expect(
      await caught(scoreMegaFace(rows(2), Int32Array.of(0, 1), rows(3), { sizes: [size], ...far })),
    ).toBe("F2C2523");
    const none = { sizes: [{ asked: 3, rows: 0 }], ...far };
    expect(await caught(scoreMegaFace(rows(2), Int32Array.of(0, 0), rows(3), none))).toBe("F2C2523");
  });
  test("a rate that accepts more pairs than are kept", async () => {
    const many = {
      ...rows(2),
      count: 2,
      cosines: async () => new Float64Array(1),
      topK: async () => ({ positions: new Int32Array(2), scores: new Float64Array(2) }),
    };
    const sizes = [{ asked: 1e6, rows: 1e6 }];
    const work = scoreMegaFace(many, Int32Array.of(0, 0), rows(1), { sizes, far: [0.9] });
    await expect(work).rejects.toMatchObject({ code: "F2C2522" });
  });
});

test("rows of any origin are scored", async () => {
  const probes = embeddingsOf(
    Int32Array.of(0, 1, 2),
    (i) =>
      [
        [1, 0.1],
        [1, 0],
        [0, 1],
      ][i]!,
  );
  const distractors = embeddingsOf(
    Int32Array.of(0, 1),
    (i) =>
      [
        [1, -0.3],
        [0.1, 1],
      ][i]!,
  );
  const sizes = [
    { asked: 1, rows: 1 },
    { asked: 2, rows: 2 },
  ];
  const { numbers } = await scoreMegaFace(probes, Int32Array.of(5, 5, 7), distractors, { sizes, far: [0.5] });
  const values = Object.fromEntries(Object.entries(numbers).map(([name, { value }]) => [name, value]));
  // The two of person 5 are 0.1 rad apart, the first distractor 0.29 from the nearer one. Of six impostor pairs three may be accepted.
  expect(values).toMatchObject({
    "rank-1 at 2": 1,
    "TAR at FAR 0.5": 1,
    "rank-1 at 1": 1,
    probes: 3,
    genuine: 1,
    impostor: 6,
  });
});
