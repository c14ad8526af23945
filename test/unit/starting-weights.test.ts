/** What `weights` and `frozen` make of a net, and which of its tensors start from a file. Files are written here, by the rules of their format. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { updatesOf } from "#compiler/build/parameter-groups";
import { refuseIdleMomentum, startingWeights } from "#compiler/build/starting-weights";
import { StorageTable } from "#compiler/build/storage-table";
import {
  adamw,
  batchNorm1d,
  checkpointed,
  descriptionOf,
  frozen,
  full,
  linear,
  type MethodState,
  module,
  net as netOf,
  sampled,
  twin,
  type WeightsOptions,
  weights,
} from "#dsl/index";
import { thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-weights-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

type Tensors = Readonly<Record<string, readonly number[]>>;

/** A safetensors file of zeros in f32, or in another type. */
function written(path: string, tensors: Tensors, dtype = "F32", size = 4): void {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, shape]) => {
      const begin = end;
      end += size * shape.reduce((a, b) => a * b, 1);
      return [name, { dtype, shape, data_offsets: [begin, end] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(join(home, path), Buffer.concat([length, text, Buffer.alloc(end)]));
}

const TENSORS: Tensors = {
  "fc.weight": [3, 4],
  "fc.bias": [3],
  "bn.weight": [3],
  "bn.bias": [3],
  "bn.mean": [3],
  "bn.variance": [3],
};
const NAMES = Object.keys(TENSORS);
const net = () => module({ fc: linear(4, 3), bn: batchNorm1d(3) }, ({ fc, bn }, x: never) => bn(fc(x)));
const keyed = (key: (name: string) => string) =>
  Object.fromEntries(Object.entries(TENSORS).map(([name, shape]) => [key(name), shape]));

written("net.safetensors", TENSORS);

function startsOf(state: MethodState) {
  const starting = startingWeights(state, { directory: home }, { trains: true });
  const table = new StorageTable(state, { path: "exp.ts", start: 0, end: 1 }, starting.initOf);
  const starts = Object.fromEntries(
    table.all.map(({ name, init }) => [name, init.kind === "file" ? init.tensor : init.kind]),
  );
  return { ...starting, table, starts };
}
const under = (path: string, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [`${path}.${name}`, name]));

describe("a net with weights", () => {
  test("starts from the tensors of its names, whatever the state calls it", () => {
    const { starts, files, notes } = startsOf({ backbone: weights(net(), "net.safetensors") });
    expect(starts).toEqual(under("backbone", NAMES));
    expect(notes).toEqual(["weights from net.safetensors: 6 of 6 tensors taken"]);
    const [[name, file]] = Object.entries(files) as [[string, (typeof files)[string]]];
    expect(file.file()).toEqual({ path: join(home, "net.safetensors"), sha256: file.hash });
    expect(name).toBe(`weights.${file.hash.slice(0, 12)}`);
  });

  test("may be one that is built for images, and is as long", () => {
    const built = weights(
      netOf(3, () => net() as never),
      "net.safetensors",
    );
    expect(built.embedding).toBe(3);
    expect(startsOf({ net: built([3, 8, 8]) }).starts).toEqual(under("net", NAMES));
  });

  test("takes them from the folder of a run", () => {
    mkdirSync(join(home, "run"));
    written("run/net.safetensors", TENSORS);
    expect(startsOf({ net: weights(net(), "run") }).starts).toEqual(under("net", NAMES));
  });

  test("has tensors of its own: the net that it was made of starts as before", () => {
    const plain = net();
    const { starts } = startsOf({ plain, given: weights(plain, "net.safetensors") });
    expect(starts).toMatchObject({ "plain.fc.weight": "kaiming_uniform", "given.fc.weight": "fc.weight" });
  });

  test("keeps a tensor that stands in two places once", () => {
    const fc = linear(4, 3);
    const both = module({ a: fc, b: fc }, ({ a, b }, x: never) => b(a(x) as never));
    written("shared.safetensors", { "a.weight": [3, 4], "a.bias": [3] });
    const { starts } = startsOf({ net: weights(both, "shared.safetensors") });
    expect(starts).toEqual(under("net", ["a.weight", "a.bias"]));
  });

  test("has a twin that starts as it does", () => {
    const original = weights(net(), "net.safetensors");
    const { table } = startsOf({ original, follower: twin(original) });
    const found = table.all.find(({ name }) => name === "follower.fc.weight");
    expect(found?.init).toEqual({ kind: "copy", of: "original.fc.weight" });
  });

  test("keeps them where it is computed again for the gradient", () => {
    const again = checkpointed(weights(net(), "net.safetensors") as never);
    expect(startsOf({ net: again }).starts).toEqual(under("net", NAMES));
  });

  test("may hold a part with weights of its own, which keeps these", () => {
    written("head.safetensors", { "1.weight": [2, 3], "1.bias": [2] });
    const parts = { 0: weights(net(), "net.safetensors"), 1: linear(3, 2) };
    const whole = module(parts, ({ 0: old, 1: head }, x: never) => head(old(x)));
    const { starts, notes } = startsOf({ net: weights(whole, "head.safetensors") });
    expect(starts).toEqual({
      ...Object.fromEntries(NAMES.map((name) => [`net.0.${name}`, name])),
      ...under("net", ["1.weight", "1.bias"]),
    });
    expect(notes).toHaveLength(2);
  });
});

describe("a twin within a net", () => {
  const pair = () => {
    const probe = net();
    const gallery = twin(probe, { buffers: "average" });
    return module({ gallery, probe }, ({ gallery, probe }, x: never) => gallery(probe(x) as never));
  };
  written(
    "pair.safetensors",
    keyed((name) => `probe.${name}`),
  );

  test.each([
    ["with weights", () => weights(pair(), "pair.safetensors")],
    ["frozen", () => frozen(weights(pair(), "pair.safetensors"))],
    ["with weights, frozen before", () => weights(frozen(pair()), "pair.safetensors")],
  ])("%s is the twin of what its original has become", (_, given) => {
    const { table } = startsOf({ pair: given() });
    const found = table.all.find(({ name }) => name === "pair.gallery.bn.mean");
    expect(found).toMatchObject({ role: "state", init: { kind: "copy", of: "pair.probe.bn.mean" } });
    expect(table.named("pair.probe.fc.weight")?.init).toMatchObject({ tensor: "probe.fc.weight" });
  });

  test("stays the twin of a net outside", () => {
    const original = net();
    const follower = module({ fc: linear(3, 3), twin: twin(original) }, ({ fc }, x: never) => fc(x));
    written("fc.safetensors", { "fc.weight": [3, 3], "fc.bias": [3] });
    const { table } = startsOf({ original, given: weights(follower, "fc.safetensors") });
    expect(table.named("given.twin.bn.mean")?.init).toEqual({ kind: "copy", of: "original.bn.mean" });
  });
});

describe("a bank with weights", () => {
  const setting = { identities: 6, dim: 4, rows: 2, seed: 0 };
  written("centres.safetensors", { centres: [6, 4], "optimizer.velocity.centres": [6, 4], "fc.weight": [1] });

  test.each([
    ["full", full()],
    ["sampled", sampled({ share: 0.5 })],
    ["sampled with fewer than a step's rows", sampled({ share: 0.1 })],
    ["sampled by a policy", sampled({ share: ({ epoch }) => Math.min(1, epoch), most: 1 })],
  ])("starts from the centres of a file: %s", (_, bank) => {
    const given = weights(bank, "centres.safetensors");
    expect(descriptionOf(given)).toEqual(descriptionOf(bank));
    const { starts, notes } = startsOf({ bank: given(setting).state });
    expect(starts).toEqual({ "bank.centres": "centres" });
    expect(notes).toEqual([
      "weights from centres.safetensors: 1 of 1 tensors taken; left over: optimizer.velocity.centres, fc.weight",
    ]);
  });

  test("is refused a file of other identities", () => {
    const given = weights(full(), "centres.safetensors")({ ...setting, identities: 7 });
    expect(() => startsOf({ bank: given.state })).toThrow("centres (f32[6, 4] there, f32[7, 4] here)");
  });
});

describe("momentum", () => {
  const velocities = Object.fromEntries(
    Object.entries(TENSORS)
      .filter(([name]) => !/mean|variance/.test(name))
      .map(([name, shape]) => [`optimizer.velocity.m.${name}`, shape]),
  );
  written("moved.safetensors", { ...keyed((name) => `m.${name}`), ...velocities });
  const given = () => weights(net(), "moved.safetensors", { prefix: "m.", momentum: true });

  test("of trained parameters starts from the file, in the slot of that name alone", () => {
    const { table, notes } = startsOf({ net: given() });
    const group = table.trained();
    table.slot("velocity", group);
    table.slot("other", group);
    const init = (name: string) => table.named(name)?.init;
    expect(init("optimizer.velocity.net.fc.weight")).toMatchObject({
      kind: "file",
      tensor: "optimizer.velocity.m.fc.weight",
    });
    expect(init("optimizer.other.net.fc.weight")).toEqual({ kind: "zeros" });
    expect(notes).toEqual(["weights from moved.safetensors: 10 of 10 tensors taken"]);
  });

  test("is zero where it was not asked for", () => {
    const { table } = startsOf({ net: weights(net(), "moved.safetensors", { prefix: "m." }) });
    table.slot("velocity", table.trained());
    expect(table.named("optimizer.velocity.net.fc.weight")?.init).toEqual({ kind: "zeros" });
  });

  test("is not sought of what nothing trains", () => {
    expect(startsOf({ net: frozen(given()) }).notes[0]).toContain("6 of 6 tensors taken");
    const alone = startingWeights({ net: given() }, { directory: home }, { trains: false });
    expect(alone.notes[0]).toContain("6 of 6 tensors taken");
  });

  test("of rows starts from the file too", () => {
    const bank = weights(sampled({ share: 0.5 }), "centres.safetensors", { momentum: true });
    const { table } = startsOf({ bank: bank({ identities: 6, dim: 4, rows: 2, seed: 0 }).state });
    const { rows } = table.rowsOf("bank.centres", 3);
    table.slotOfRows("velocity", "bank.centres", rows);
    expect(table.named("optimizer.velocity.bank.centres")?.init).toMatchObject({
      tensor: "optimizer.velocity.centres",
    });
    expect(table.named("scratch.velocity.bank.centres")?.init).toEqual({ kind: "zeros" });
  });

  test("that the file lacks is missing like any other tensor", () => {
    const asked = () => startsOf({ net: weights(net(), "net.safetensors", { momentum: true }) });
    expect(asked).toThrow("missing: optimizer.velocity.fc.weight");
  });

  test("for which the optimizer has no slot is refused", () => {
    const { withMomentum, table, ...starting } = startsOf({ net: given() });
    const updates = updatesOf(
      adamw(),
      table.trainedParameters.map(({ name }) => ({ name, shape: [] })),
    );
    const refused = thrownBy(() =>
      refuseIdleMomentum({ ...starting, withMomentum }, (stored) => table.nameOf(stored)!, updates),
    );
    expect(refused).toMatchObject({
      code: "F2C2133",
      message:
        "weights: the momentum of net.fc.weight has no place: its optimizer has no slot velocity (it has moment, square)",
    });
  });
});

describe("the names in the file", () => {
  const withOptions = (file: string, options: WeightsOptions) =>
    startsOf({ net: weights(net(), file, options) });

  test("may begin with a prefix; what begins otherwise is not looked at", () => {
    written("prefixed.safetensors", { ...keyed((name) => `probe.${name}`), "pool.rows": [9, 3] });
    const { starts, notes } = withOptions("prefixed.safetensors", { prefix: "probe." });
    expect(starts).toEqual(Object.fromEntries(NAMES.map((name) => [`net.${name}`, `probe.${name}`])));
    expect(notes).toEqual(["weights from prefixed.safetensors: 6 of 6 tensors taken"]);
  });

  const torch = (name: string) =>
    name
      .replace("bn.", "features.")
      .replace("features.mean", "features.running_mean")
      .replace("features.variance", "features.running_var");

  test.each([
    ["a function", torch],
    [
      "a record by tensors and by modules",
      { bn: "features", "bn.mean": "features.running_mean", "bn.variance": "features.running_var" },
    ],
  ])("may be given by %s", (_, rename) => {
    written("torch.safetensors", { ...keyed(torch), "features.num_batches_tracked": [] });
    const { starts, notes } = withOptions("torch.safetensors", { rename });
    expect(starts).toEqual(Object.fromEntries(NAMES.map((name) => [`net.${name}`, torch(name)])));
    expect(notes).toEqual([
      "weights from torch.safetensors: 6 of 6 tensors taken; left over: features.num_batches_tracked",
    ]);
  });
});

describe("a file that does not fit", () => {
  const other = { "fc.weight": [5, 4], "fc.bias": [3], "bn.weight": [3], extra: [1] };
  written("other.safetensors", other);
  const given = (options: WeightsOptions) => () =>
    startsOf({ net: weights(net(), "other.safetensors", options) });

  test("is refused, with all that is wrong with it", () => {
    expect(thrownBy(given({}))).toMatchObject({
      code: "F2C2133",
      message:
        "weights: other.safetensors has 2 of the 6 tensors; missing: bn.bias, bn.mean, bn.variance; " +
        "of another shape: fc.weight (f32[5, 4] there, f32[3, 4] here); left over: extra",
    });
  });

  test("gives what fits if that is asked for; the rest starts as the net says", () => {
    const { starts, notes } = given({ strict: false })();
    expect(starts).toEqual({
      "net.fc.weight": "kaiming_uniform",
      "net.fc.bias": "fc.bias",
      "net.bn.weight": "bn.weight",
      "net.bn.bias": "zeros",
      "net.bn.mean": "zeros",
      "net.bn.variance": "constant",
    });
    expect(notes).toEqual([
      "weights from other.safetensors: 2 of 6 tensors taken; missing: bn.bias, bn.mean, bn.variance; " +
        "of another shape: fc.weight (f32[5, 4] there, f32[3, 4] here); left over: extra",
    ]);
  });

  test("is refused where nothing fits, asked for or not", () => {
    expect(thrownBy(given({ strict: false, prefix: "probe." }))).toMatchObject({
      code: "F2C2133",
      message: expect.stringContaining("other.safetensors has none of the 6 tensors"),
    });
  });

  test("may differ in the type alone", () => {
    written("half.safetensors", TENSORS, "F16", 2);
    const { message } = thrownBy(() => startsOf({ net: weights(net(), "half.safetensors") })) as Error;
    expect(message).toContain("fc.weight (f16[3, 4] there, f32[3, 4] here)");
  });

  test.each([
    ["that is not there", "nowhere.safetensors", "ENOENT"],
    ["that is cut off", "cut.safetensors", "it is cut off"],
  ])("or one %s, is named", (_, file, problem) => {
    writeFileSync(join(home, "cut.safetensors"), Buffer.from([200, 0, 0, 0, 0, 0, 0, 0, 123]));
    const { code, message } = thrownBy(() => startsOf({ net: weights(net(), file) })) as Error & {
      code: string;
    };
    expect([code, message.includes(`cannot read ${file}: `), message.includes(problem)]).toEqual([
      "F2C2133",
      true,
      true,
    ]);
  });
});

describe("a frozen net", () => {
  test("has the parameters, none of which is trained, and the statistics", () => {
    const { table } = startsOf({ still: frozen(net()), head: linear(3, 2) });
    expect(table.all.map(({ name }) => name).sort()).toEqual(
      [...NAMES.map((name) => `still.${name}`), "head.weight", "head.bias"].sort(),
    );
    expect(table.trainedParameters.map(({ name }) => name)).toEqual(["head.weight", "head.bias"]);
  });

  test.each([
    ["of weights", frozen(weights(net(), "net.safetensors"))],
    ["that gets weights", weights(frozen(net()), "net.safetensors")],
  ])("%s has both", (_, still) => {
    const { starts, table } = startsOf({ still });
    expect(starts).toEqual(under("still", NAMES));
    expect(table.trainedParameters).toEqual([]);
  });

  test("leaves the net that it was made of trained", () => {
    const plain = net();
    const { table } = startsOf({ plain, still: frozen(plain) });
    expect(table.trainedParameters).toHaveLength(4);
  });
});

test.each([
  ["weights", (of: never) => weights(of, "net.safetensors")],
  ["frozen", frozen],
])("%s of a twin is refused: it has its original's", (name, make) => {
  expect(thrownBy(() => make(twin(net()) as never))).toMatchObject({
    code: "F2C2133",
    message: expect.stringContaining(`${name}: this net is a twin`),
  });
});
