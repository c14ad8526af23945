/** The stage that embeds, on hosts without Python: the window, what is resumed, what is never taken for whole. */
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { compileExperiment, type EmbedProgram, embedProgram, load, loadExperiment } from "#compiler/index";
import { embed, STAGE, study } from "#dsl/index";
import { Observers } from "#runtime/observe/observer";
import { type Recipe, readArtefact, writeArtefact } from "#runtime/stages/artefact";
import { Embedder } from "#runtime/stages/embedder";
import { planStudy } from "#runtime/stages/study";
import { FakeHost, type FakeHostOptions } from "./fake-host.js";

const home = mkdtempSync(join(tmpdir(), "f2c-embedder-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const tiny = new URL("../fixtures/experiments/tiny.ts", import.meta.url).pathname;
const loaded = loadExperiment(tiny);
const compiled = compileExperiment(loaded);
// 40 people with 4 images each, and 12 with 3 who are kept back: 160 and 36 rows of 32.
const program: EmbedProgram = embedProgram(
  "features",
  embed({ net: loaded.experiment, data: loaded.experiment.data }),
  compiled,
  compiled.module,
);
const BATCH = 17;
const COLUMNS = 32;
const ROWS = 196;

let count = 0;
const fresh = () => join(home, `${count++}.safetensors`);

/** A row holds the number of its image in its set, and the set, so that what is written where can be told. */
const rowOf = (source: string, image: number) =>
  Array.from({ length: COLUMNS }, (_, i) => image + 1000 * Number(source.at(-1)) + i / 100);

/** A host that embeds images as `rowOf` says. */
const embeds = (options: FakeHostOptions = {}): FakeHostOptions => ({
  ...options,
  tensors: ({ streams, arrays }) => {
    const images = arrays["images.images"] as Int32Array;
    const data = Float32Array.from([...images].flatMap((image) => rowOf(streams.images!, image)));
    return { embedding: { dtype: "f32", shape: [images.length, COLUMNS], data } };
  },
});

function started(path: string, behaviours: readonly FakeHostOptions[], restarts = 2) {
  const hosts: FakeHost[] = [];
  const start = async () => {
    const host = new FakeHost(behaviours[hosts.length]);
    hosts.push(host);
    return host;
  };
  const embedder = new Embedder("features", program, path, new Observers(), {
    device: "cpu",
    backend: "eager",
    batch: BATCH,
    files: { net: { path: "net.safetensors", sha256: "of the net" } },
    restarts,
    start,
    piece: 2 * BATCH * COLUMNS * 4,
  });
  const end = embedder.run(start()).catch((error: Error) => error);
  return { embedder, hosts, end };
}

const whole = async () => {
  const path = fresh();
  await started(path, [embeds()]).end;
  return readFileSync(path);
};

test("every image has its row, in order, those kept back after the others", async () => {
  const path = fresh();
  const { hosts, end } = started(path, [embeds()]);
  const written = await end;
  const bytes = readFileSync(path);
  expect(written).toMatchObject({ bytes: bytes.byteLength });
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  expect(header.embeddings).toMatchObject({ dtype: "F32", shape: [ROWS, COLUMNS] });
  const [from, to] = header.embeddings.data_offsets;
  const rows = new Float32Array(new Uint8Array(bytes.subarray(8 + length + from, 8 + length + to)).buffer);
  const wanted = [
    ...Array.from({ length: 160 }, (_, i) => rowOf("set 0", i)),
    ...Array.from({ length: 36 }, (_, i) => rowOf("set 1", i)),
  ];
  expect(rows).toEqual(Float32Array.from(wanted.flat()));
  // 160 = 9 * 17 + 7 and 36 = 2 * 17 + 2: the last batch of either set is a smaller one.
  expect(hosts[0]!.asked.filter((asked) => asked.startsWith("step"))).toHaveLength(10 + 3);
  expect(header["offsets.1"].shape).toEqual([13]);
});

test("no more plans are in flight than results are used: a host that gives none is sent four", async () => {
  const held: number[] = [];
  const run = started(fresh(), [
    {
      onPlan: (number) => {
        held.push(number);
        return false;
      },
    },
  ]);
  while (held.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(held).toEqual([0, 1, 2, 3]);
  run.embedder.stop();
  expect(await run.end).toBeUndefined();
});

describe("what broke off goes on, and ends as the same bytes", () => {
  test("a host that dies: another one goes on at the rows that are there", async () => {
    const path = fresh();
    const dies = embeds({
      onPlan: (number, host) => {
        if (number !== 6) return undefined;
        host.die();
        return false;
      },
    });
    const { hosts, end } = started(path, [dies, embeds()]);
    expect(await end).toMatchObject({ bytes: expect.any(Number) });
    expect(hosts[1]!.asked.filter((asked) => asked.startsWith("step"))[0]).toBe("step 6");
    expect(readFileSync(path)).toEqual(await whole());
  });

  test("a stop", async () => {
    const path = fresh();
    const run: ReturnType<typeof started> = started(path, [
      embeds({ onPlan: (number) => (number === 5 ? !run.embedder.stop() : undefined) }),
    ]);
    expect(await run.end).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    const again = started(path, [embeds()]);
    await again.end;
    expect(again.hosts[0]!.asked.filter((asked) => asked.startsWith("step"))[0]).toBe("step 5");
    expect(readFileSync(path)).toEqual(await whole());
  });

  test.each([
    [
      "rows that were not known to be on the disk",
      (path: string) => writeFileSync(path, "garbage", { flag: "a" }),
    ],
    ["a file that is shorter than is known", (path: string) => truncateSync(path, 40)],
    ["the beginning of another file", (path: string) => writeFileSync(path, "another file altogether")],
  ])("after a crash that left %s", async (_, damage) => {
    const path = fresh();
    const dies = embeds({
      onPlan: (number, host) => {
        if (number !== 6) return undefined;
        host.die();
        return false;
      },
    });
    expect(await started(path, [dies], 0).end).toMatchObject({ code: "F2C6006" });
    damage(`${path}.partial`);
    await started(path, [embeds()]).end;
    expect(readFileSync(path)).toEqual(await whole());
  });
});

describe("an artefact", () => {
  const recipe: Recipe = { kind: "embeddings", program: "p", inputs: { net: "n" }, options: { batch: 64 } };

  test("is whole only as it was written: of this recipe, its files as long as they were", () => {
    const folder = mkdtempSync(join(home, "artefact-"));
    const file = join(folder, "rows");
    writeFileSync(file, "twelve bytes");
    expect(readArtefact(folder, recipe)).toBeUndefined();
    writeArtefact(folder, recipe, { rows: { bytes: 12, sha256: "of it" } });
    expect(readArtefact(folder, recipe)).toMatchObject({ version: 1, inputs: { net: "n" } });
    expect(readArtefact(folder, { ...recipe, inputs: { net: "m" } })).toBeUndefined();
    truncateSync(file, 11);
    expect(readArtefact(folder, recipe)).toBeUndefined();
    writeFileSync(join(folder, "artefact.json"), '{"version": 1, "ha');
    expect(readArtefact(folder, recipe)).toBeUndefined();
  });
});

describe("a study's stages", () => {
  const { experiment: _, ...file } = loaded;
  const planned = (batch: number, seed = 0, root = home) => {
    const proxy = { ...loaded.experiment, seed };
    const features = embed({ net: proxy, data: proxy.data, batch });
    const head = { ...proxy, name: "head", data: features };
    // Written in another order than they depend on each other.
    return planStudy({ ...file, declared: study({ head, features, proxy }) }, { root });
  };

  test("come in the order of what they need", () => {
    const stages = planned(8);
    expect(stages.map(({ name, needs }) => [name, needs])).toEqual([
      ["proxy", []],
      ["features", ["proxy"]],
      ["head", ["features"]],
    ]);
  });

  test("need those whose weights they start from", () => {
    const path = join(home, "weights-of-a-stage.ts");
    writeFileSync(
      path,
      `import { embed, experiment, fixed, instances, mobileFaceNet, plainSoftmax, sgd, softmax, study, syntheticFaces, weights } from "f2c-dsl";
const data = syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 16 });
const net = mobileFaceNet({ embedding: 8, width: 0.125 });
const method = softmax({ net, margin: plainSoftmax() });
const proxy = experiment({ name: "proxy", data, method, loader: instances({ images: 2 }), optimizer: sgd(), lr: 0.1, steps: 1 });
export default study({ features: embed({ net: weights(net, proxy), data }), proxy });`,
    );
    const stages = planStudy(load(path) as never, { root: home });
    expect(stages.map(({ name, needs }) => [name, needs])).toEqual([
      ["proxy", []],
      ["features", ["proxy"]],
    ]);
  });

  test("are others, with folders of their own, when what they are made from is another", () => {
    const [before, batch, seed] = [planned(8), planned(9), planned(8, 1)].map((stages) =>
      stages.map(({ hash, folder }) => `${hash} ${folder}`),
    );
    expect(planned(8).map(({ hash, folder }) => `${hash} ${folder}`)).toEqual(before);
    expect(batch![0]).toBe(before![0]);
    expect(batch![1]).not.toBe(before![1]);
    expect(batch![2]).not.toBe(before![2]);
    for (const i of [0, 1, 2]) expect(seed![i]).not.toBe(before![i]);
  });

  test("are the same wherever the study lies", () => {
    const hashes = (root: string) => planned(8, 0, root).map(({ hash }) => hash);
    expect(hashes(join(home, "elsewhere"))).toEqual(hashes(home));
  });

  test("of a kind that nobody makes are a fault of ours", () => {
    const stage = { [STAGE]: { kind: "guess", called: () => "a guess", needs: () => [] } };
    expect(() => planStudy({ ...file, declared: study({ stage }) }, { root: home })).toThrow(
      "internal: runtime/stages/kinds makes no stage of the kind guess",
    );
  });
});

test("a study is no experiment", () => {
  const path = join(home, "study.ts");
  writeFileSync(
    path,
    'import { embed, study, syntheticFaces, fixed } from "f2c-dsl";\nexport default study({ features: embed({ net: "runs/none", data: syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 16 }) }) });\n',
  );
  expect(() => loadExperiment(path)).toThrow(/is a study, and an experiment is wanted here/);
  expect(() => planStudy(load(path) as never, { root: home })).toThrow(/holds no net/);
});

test("a net without weights is not embedded with", () => {
  const path = join(home, "without-weights.ts");
  writeFileSync(
    path,
    'import { embed, fixed, mobileFaceNet, study, syntheticFaces } from "f2c-dsl";\nexport default study({ features: embed({ net: mobileFaceNet({ width: 0.125 }), data: syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 16 }) }) });\n',
  );
  expect(() => planStudy(load(path) as never, { root: home })).toThrow(/the net has no weights/);
});
