import { describe, expect, test } from "vitest";
import { dividedBy } from "#dsl/data/held-out";
import { fixed, syntheticFaces } from "#dsl/index";
import { thrownBy } from "./thrown.js";

const people = (n: number) => Array.from({ length: n }, (_, i) => `p${i}`);
const held = (option: number | readonly string[], n: number) => {
  const { train, heldOut } = dividedBy(option, people(n), { function: "imageFolder", place: "faces" });
  // Every identity is on one side, and stretches that touch are one.
  const all = [...train, ...heldOut].toSorted(([a], [b]) => a - b);
  expect(all.flatMap(([first, end]) => people(n).slice(first, end))).toEqual(people(n));
  for (const side of [train, heldOut])
    for (const [i, [first]] of side.entries()) expect(first).not.toBe(side[i - 1]?.[1]);
  return heldOut.flatMap(([first, end]) => people(n).slice(first, end));
};
describe("identities kept back", () => {
  test("by a whole number are the last ones", () => {
    expect(held(3, 14)).toEqual(["p11", "p12", "p13"]);
    expect(held(12, 14)).toHaveLength(12);
    expect(held(0, 14)).toEqual([]);
  });

  test.each([
    [0.2, 14, 3],
    [0.5, 14, 7],
    [0.25, 8, 2],
    [0.01, 14, 1],
    // 7 and 30 although the product of the binary fractions is a little more.
    [0.07, 100, 7],
    [0.3, 100, 30],
    [0.1, 30, 3],
  ])("by a share of %d of %i are %i of the last ones", (share, n, count) => {
    expect(held(share, n)).toEqual(people(n).slice(n - count));
  });

  test("by name are these", () => {
    expect(held(["p5", "p2", "p5"], 14).toSorted()).toEqual(["p2", "p5"]);
    expect(thrownBy(() => held(["p5", "p99"], 14))).toMatchObject({
      code: "F2C2203",
      message: expect.stringContaining('"p99"'),
    });
  });

  test.each([3.9, 1.5, -1, -0.2, Number.NaN, Number.POSITIVE_INFINITY])("are not %d", (option) => {
    expect(thrownBy(() => held(option, 14))).toMatchObject({
      code: "F2C2202",
      message: expect.stringContaining(`\`heldOut\` is ${option}`),
    });
  });

  test.each<[number | readonly string[], number, number]>([
    [20, 20, 0],
    [14, 14, 0],
    [13, 13, 1],
    [0.95, 14, 0],
    [0.9, 13, 1],
    [people(13), 13, 1],
  ])("are refused where they leave fewer than two to train on: %s of 14", (option, taken, left) => {
    expect(thrownBy(() => held(option, 14))).toEqual(
      expect.objectContaining({
        code: "F2C2204",
        message: `imageFolder: "faces" has 14 identities and \`heldOut\` takes ${taken}, which leaves ${left} to train on`,
      }),
    );
  });
});

test("drawn faces are kept back by whole numbers of people and of images", () => {
  const faces = (identities: number, images: number) => () =>
    syntheticFaces({ identities: 4, imagesPerIdentity: fixed(2), size: 16, heldOut: { identities, images } });
  for (const odd of [-1, 3.9, 0.2, Number.NaN]) {
    expect(thrownBy(faces(odd, 6))).toMatchObject({ code: "F2C2202" });
    expect(thrownBy(faces(10, odd))).toMatchObject({ code: "F2C2202" });
  }
  expect(thrownBy(faces(10, 0))).toMatchObject({ code: "F2C2202" });
  expect([...faces(3, 2)().open({ directory: "." }).heldOut.offsets]).toEqual([0, 2, 4, 6]);
  expect([...faces(0, 0)().open({ directory: "." }).heldOut.offsets]).toEqual([0]);
});
