/** How many parameters the nets of papers have, all of them, trained or not: exact counts of their authors' codes. */
import { describe, expect, test } from "vitest";
import { StorageTable } from "#compiler/build/storage-table";
import { mixFaceNet, type Net, varGFaceNet, vit } from "#dsl/index";

const table = (net: Net) =>
  new StorageTable({ net: net([3, 112, 112]) }, { path: "exp.ts", start: 0, end: 1 });
const parameters = (net: Net) =>
  table(net)
    .all.filter(({ role }) => role === "parameter")
    .map(({ type }) => type.dims.reduce<number>((n, d) => n * Number(d), 1))
    .reduce((a, b) => a + b, 0);

describe("with embeddings of 512 and 112 x 112 pixels", () => {
  test.each([
    ["ViT-T", vit("tiny"), 19_137_792],
    ["ViT-S", vit("small"), 76_023_296],
    ["ViT-B", vit("base"), 113_833_472],
    ["ViT-L", vit("large"), 255_684_352],
    ["VarGFaceNet", varGFaceNet(), 5_198_292],
    ["MixFaceNet-XS", mixFaceNet("xs"), 1_040_866],
    ["MixFaceNet-S", mixFaceNet("s"), 3_073_110],
    ["MixFaceNet-M", mixFaceNet("m"), 3_953_046],
    ["ShuffleMixFaceNet-S", mixFaceNet("s", { shuffle: true }), 3_073_110],
    ["ViT-L, computed again or kept,", vit("large", { checkpointed: false }), 255_684_352],
  ] as const)("%s", (_, net, count) => {
    expect(parameters(net)).toBe(count);
  });
});

test("a scale that stays 1 is a parameter that nobody trains", () => {
  const { all, trainedParameters } = table(mixFaceNet("xs"));
  const still = all.filter((s) => s.role === "parameter" && !trainedParameters.includes(s));
  expect(still.map(({ name }) => name)).toEqual(["net.features.weight"]);
});

test.each([
  ["mask", () => vit("tiny", { mask: 1 }), "vit: `mask` is 1, not a number from 0 to below 1"],
  ["patch", () => vit("tiny", { patch: 0.5 }), "vit: `patch` is 0.5, not a whole number from 1 up"],
  ["width", () => varGFaceNet({ width: 0 }), "varGFaceNet: `width` is 0, not a number above 0"],
] as const)("a %s out of its range is refused", (_, made, message) => {
  expect(made).toThrow(message);
});
