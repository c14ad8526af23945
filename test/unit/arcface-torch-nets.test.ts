/** The nets of arcface_torch against its counts; that they compute the same shows `python-host/tests/test_arcface_torch.py`. */
import { expect, test } from "vitest";
import { StorageTable } from "#compiler/build/storage-table";
import { iresnet, mbf, type Net } from "#dsl/index";

const table = (net: Net) =>
  new StorageTable({ net: net([3, 112, 112]) }, { path: "exp.ts", start: 0, end: 1 });

test.each([
  ["iresnet(18)", iresnet(18), 24_025_600],
  ["iresnet(34)", iresnet(34), 34_139_328],
  ["iresnet(50)", iresnet(50), 43_590_848],
  ["iresnet(100)", iresnet(100), 65_156_160],
  ["iresnet(200)", iresnet(200), 118_833_920],
  ["mbf()", mbf(), 2_059_520],
  ["mbf({ large: true })", mbf({ large: true }), 6_314_880],
])("%s has as many parameters", (_, net, parameters) => {
  const sizes = table(net)
    .all.filter(({ role }) => role === "parameter")
    .map(({ type }) => type.dims.reduce<number>((n, d) => n * Number(d), 1));
  expect(sizes.reduce((a, b) => a + b, 0)).toBe(parameters);
});

test("iresnet trains all of them but the scale of the embedding", () => {
  const { all, trainedParameters } = table(iresnet(18));
  const still = all.filter((s) => s.role === "parameter" && !trainedParameters.includes(s));
  expect(still.map(({ name }) => name)).toEqual(["net.features.weight"]);
});
