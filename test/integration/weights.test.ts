/** Nets that start from others, in the built command and the real host: from a stage of the study, from its file, and frozen. */
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli, stageFolder } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-from-weights-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** An old net, and nets with a new layer on what `given` makes of it. Exported is the old part alone. */
const source = (exported: string) => `
import { adaptiveAvgPool2d, batchNorm1d, batchNorm2d, conv2d, flatten, net as netOf, prelu, sequential } from "f2c-dsl";
import { dual, experiment, f2c, fixed, frozen, linear, method, type Net, normalize, ops, plainSoftmax, sgd, study, syntheticFaces, weights } from "f2c-dsl";
const data = syntheticFaces({ identities: 8, imagesPerIdentity: fixed(4), size: 32, seed: 1, heldOut: { identities: 2, images: 2 } });
const net = netOf(16, ([channels]) =>
  sequential(conv2d(channels, 16, { kernel: 3, stride: 2 }), batchNorm2d(16), prelu(16), adaptiveAvgPool2d(4), flatten(), linear(256, 16), batchNorm1d(16)));
const setting = { data, steps: 3, loader: dual({ identities: 4, instances: 0 }), optimizer: sgd({ momentum: 0.9, weightDecay: 0.1 }) };
const old = experiment({ ...setting, name: "old", lr: 0.01, method: f2c({ net, pool: { capacity: 8 }, margin: plainSoftmax() }) });
const headed = (name: string, given: Net, lr: number) => experiment({ ...setting, name, lr, method: ({ shape, identities }) =>
  method({ net: given(shape), head: linear(16, identities) }, {
    plan: (_books, { x }) => ({ labels: x.labels }),
    step({ net, head }, { x }, { labels }) {
      return ops.cross_entropy(head(normalize(net(x)).as<[number, 16]>()), labels).mean();
    },
    embed: ({ net }, images) => net(images),
  }) });
export const all = [frozen, weights, study, old, headed];
export default ${exported};
`;

let files = 0;
async function run(exported: string, root: string): Promise<string> {
  const file = join(home, `experiment-${files++}.ts`);
  writeFileSync(file, source(exported));
  const done = await cli(["run", file, "--run-dir", root]);
  expect(done.code, done.err).toBe(0);
  return done.err + done.out;
}

const folderOf = (root: string, stage: string) => stageFolder(root, stage)!;

/** The tensors of a safetensors file, by the rules of the format alone. */
function tensorsIn(folder: string): Readonly<Record<string, string>> {
  const file = readFileSync(join(folder, "net.safetensors"));
  const length = Number(file.readBigUInt64LE());
  const { __metadata__: _, ...header } = JSON.parse(file.subarray(8, 8 + length).toString());
  return Object.fromEntries(
    Object.entries<{ data_offsets: [number, number] }>(header).map(([name, { data_offsets }]) => {
      const [begin, end] = data_offsets.map((offset) => 8 + length + offset);
      return [name, file.subarray(begin, end).toString("hex")];
    }),
  );
}
const isStatistic = (name: string) => /\.(mean|variance)$/.test(name);
const parametersIn = (folder: string) =>
  Object.fromEntries(Object.entries(tensorsIn(folder)).filter(([name]) => !isStatistic(name)));
const lossesIn = (folder: string) =>
  readFileSync(join(folder, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).loss)
    .filter((loss) => loss !== undefined);

const studied = join(home, "study");

test("a frozen net of another stage ends as it began, to the last bit, while what stands on it learns", async () => {
  const said = await run(`study({ old, second: headed("second", frozen(weights(net, old)), 0.1) })`, studied);
  const [first, second] = [folderOf(studied, "old"), folderOf(studied, "second")];
  expect(tensorsIn(second)).toEqual(tensorsIn(first));
  const count = Object.keys(tensorsIn(first)).length;
  expect(said).toContain(`weights from the experiment "old": ${count} of ${count} tensors taken`);
  expect(new Set(lossesIn(second)).size).toBe(3);
  expect(JSON.parse(readFileSync(join(second, "artefact.json"), "utf8")).inputs).toHaveProperty("old");
  expect(readFileSync(join(second, "ir.txt"), "utf8")).not.toContain("optimizer.velocity.net.");
}, 300_000);

test("a net that is trained on starts from the file: with a rate of zero it keeps the parameters, and moves the statistics", async () => {
  const first = folderOf(studied, "old");
  const root = join(home, "trained-on");
  const given = `weights(net, ${JSON.stringify(join(first, "net.safetensors"))})`;
  await run(`headed("third", ${given}, 0)`, root);
  expect(parametersIn(root)).toEqual(parametersIn(first));
  expect(tensorsIn(root)).not.toEqual(tensorsIn(first));
}, 300_000);

test("a stage that starts from another is made after it, in whichever order the study names them", async () => {
  const root = join(home, "turned-round");
  const said = await run(`study({ second: headed("second", frozen(weights(net, old)), 0.1), old })`, root);
  expect(said).toContain('weights from the experiment "old"');
  expect(tensorsIn(folderOf(root, "second"))).toEqual(tensorsIn(folderOf(root, "old")));
}, 300_000);

describe("a run that goes on", () => {
  const root = join(home, "goes-on");
  const [here, there] = [join(home, "start.safetensors"), join(home, "moved.safetensors")];
  const experimentFrom = (file: string) => {
    const path = join(home, "goes-on.ts");
    writeFileSync(path, source(`headed("goes-on", weights(net, ${JSON.stringify(file)}), 0.1)`));
    return path;
  };
  const resume = (file: string) => cli(["run", experimentFrom(file), "--run-dir", root, "--resume"]);

  beforeAll(async () => {
    copyFileSync(join(folderOf(studied, "old"), "net.safetensors"), here);
    const whole = await cli(["run", experimentFrom(here), "--run-dir", join(home, "uninterrupted")]);
    const begun = await cli(["run", experimentFrom(here), "--run-dir", root, "--steps", "1"]);
    expect([whole.code, begun.code], whole.err + begun.err).toEqual([0, 0]);
  }, 300_000);

  test("misses weights that are gone, at the call that names them", async () => {
    renameSync(here, there);
    const { code, err } = await resume(here);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/F2C2133: weights: cannot read .*start\.safetensors: ENOENT/),
    ]);
    expect(err).toMatch(/\^{20,}/);
  });

  test("refuses weights that are others, and names both by what they hold", async () => {
    const bytes = readFileSync(there);
    const last = bytes.length - 1;
    bytes[last] = bytes[last]! ^ 1;
    writeFileSync(here, bytes);
    const { code, err } = await resume(here);
    expect(code).toBe(1);
    expect(err).toMatch(/what the state starts from was weights\.[0-9a-f]{12} and is weights\.[0-9a-f]{12}/);
  });

  test("takes them where they lie now, and ends as if it had not been interrupted", async () => {
    const { code, err } = await resume(there);
    expect(code, err).toBe(0);
    expect(lossesIn(root)).toEqual(lossesIn(join(home, "uninterrupted")));
    expect(tensorsIn(root)).toEqual(tensorsIn(join(home, "uninterrupted")));
  }, 300_000);
});
