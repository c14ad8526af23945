/** OGMC in the built command and the real host, against the oracle that is written from the table of rules. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bCubedF, pairwiseF } from "#dsl/index";
import { keyedPermutation } from "#dsl/plan/keyed-permutation";
import { readSafetensors } from "#runtime/run/safetensors";
import { vectorSource, writeVectors } from "../fixtures/vectors.js";
import { OgmcOracle, type Vector } from "../unit/ogmc-oracle.js";
import { blobs } from "../unit/ogmc-streams.js";
import { cli } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-ogmc-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const [GROUPS, EACH] = [40, 12];
const RULES = { fuse: 0.8, connectMixed: 0.7, connectRobust: 0.68, robust: 4, most: 2, compared: 6 };

/** Forty people of twelve vectors, stored one after the other, in f32 as the device has them. */
const people = Array.from({ length: GROUPS }, (_, seed) =>
  blobs({ groups: 1, vectors: EACH, dims: 8, spread: 0.7, noise: 0.35, seed: seed + 1 }),
).flat();
const vectors: Vector[] = people.map((vector) => [...Float32Array.from(vector)]);
const file = join(home, "vectors.safetensors");
writeVectors(file, vectors);
const offsets = Int32Array.from({ length: GROUPS + 1 }, (_, person) => person * EACH);

async function made(name: string, options: string) {
  const study = join(home, `${name}.ts`);
  writeFileSync(
    study,
    `import { ogmc, study } from "f2c-dsl";
const features = ${vectorSource(file, 8, offsets)};
export default study({ groups: ogmc({ features, ...${JSON.stringify(RULES)}, ${options} }) });`,
  );
  const folder = join(home, name);
  const done = await cli(["run", study, "--run-dir", folder]);
  expect(done.code, done.err).toBe(0);
  expect(done.err).toMatch(/groups: vectors 480, clusters \d+, identities \d+, pairwisePrecision [\d.]+, /);
  const stage = join(folder, readdirSync(folder).find((entry) => entry.startsWith("groups-"))!);
  const { clusters, identities } = readSafetensors(join(stage, "result.safetensors")) as Record<
    string,
    Int32Array
  >;
  return {
    clusters: clusters!,
    identities: identities!,
    numbers: JSON.parse(readFileSync(join(stage, "result.json"), "utf8")),
  };
}

const byFirst = (groups: ArrayLike<number>): number[] =>
  Array.from(groups, (group) => Array.from(groups).indexOf(group));
const inOrder = (groups: Int32Array, order: Int32Array) => byFirst(Array.from(order, (row) => groups[row]!));

test.each([
  [
    "shuffled, many at once, in several chunks",
    "seed: 3, atOnce: 64, chunk: 50",
    keyedPermutation(GROUPS * EACH, 3).first(GROUPS * EACH),
  ],
  ["stored, one by one", 'order: "stored", atOnce: 1', Int32Array.from(vectors.keys())],
] as const)(
  "the host groups a stream as the oracle does: %s",
  async (name, options, order) => {
    const oracle = new OgmcOracle(RULES);
    for (const row of order) oracle.insert(vectors[row]!);
    const { clusters, identities, numbers } = await made(name.slice(0, 8).replace(/\W/g, ""), options);
    expect({ clusters: inOrder(clusters, order), identities: inOrder(identities, order) }).toEqual(
      oracle.firsts(),
    );
    const truth = Int32Array.from(vectors, (_, row) => Math.floor(row / EACH));
    expect(numbers).toEqual({
      vectors: vectors.length,
      clusters: oracle.placed().length,
      identities: new Set(oracle.firsts().identities).size,
      pairwisePrecision: pairwiseF(truth, identities).precision,
      pairwiseRecall: pairwiseF(truth, identities).recall,
      pairwiseF: pairwiseF(truth, identities).f,
      bCubedPrecision: bCubedF(truth, identities).precision,
      bCubedRecall: bCubedF(truth, identities).recall,
      bCubedF: bCubedF(truth, identities).f,
    });
    // The rules are at work: some identities are several clusters, and not everything is one.
    expect(numbers.identities).toBeLessThan(numbers.clusters);
    expect(numbers.identities).toBeGreaterThan(10);
  },
  120_000,
);
