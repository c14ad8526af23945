/** IResNet against the counts of arcface_torch's, and the names of its state dict. */
import { expect, test } from "vitest";
import { StorageTable } from "#compiler/build/storage-table";
import { iresnet } from "#dsl/index";

const table = (depth: 18 | 34 | 50 | 100) =>
  new StorageTable({ net: iresnet(depth)([3, 112, 112]) }, { path: "exp.ts", start: 0, end: 1 });

test.each([
  [18, 24_025_600],
  [34, 34_139_328],
  [50, 43_590_848],
  [100, 65_156_160],
] as const)("of %d layers has %d parameters", (depth, parameters) => {
  const sizes = table(depth)
    .all.filter(({ role }) => role === "parameter")
    .map(({ type }) => type.dims.reduce<number>((n, d) => n * Number(d), 1));
  expect(sizes.reduce((a, b) => a + b, 0)).toBe(parameters);
});

test("trains all of them but the scale of the embedding", () => {
  const { all, trainedParameters } = table(18);
  const still = all.filter((s) => s.role === "parameter" && !trainedParameters.includes(s));
  expect(still.map(({ name }) => name)).toEqual(["net.features.weight"]);
});
