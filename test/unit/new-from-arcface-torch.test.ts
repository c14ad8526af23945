// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the experiment that is written
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CompileError } from "#compiler/diagnostics/compile-error";
import { compileExperiment, loadExperiment } from "#compiler/index";
import { ArcFaceConfig } from "#runtime/new/arcface-config";
import { fromArcFaceTorch } from "#runtime/new/from-arcface-torch";
import { ownFaces } from "#runtime/new/own-faces";
import { settingsIn } from "#runtime/new/python-settings";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "f2c-new-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const valuesIn = (text: string) =>
  Object.fromEntries([...settingsIn({ path: "c.py", text })].map(([option, { value }]) => [option, value]));

function refusalOf(work: () => unknown): { code: string; message: string; line?: number } {
  try {
    work();
  } catch (error) {
    if (!(error instanceof CompileError)) {
      const { code, message } = error as { code: string; message: string };
      return { code, message };
    }
    const { code, message, span } = error.diagnostics[0]!;
    const before = error.texts.get(span!.path)!.slice(0, span!.start);
    return { code, message, line: before.split("\n").length };
  }
  throw new Error("it was read");
}

describe("settings of a Python file", () => {
  test("are numbers, texts, lists and arithmetic as Python has them", () => {
    expect(
      valuesIn(
        `
"""A config."""
from easydict import EasyDict as edict
import os  # nothing of it is run

gpus = 2 * 4; config = edict()
config.margin_list = (
    1.0, 0.5,  # ArcFace
    0.0,
)
config.pair = [1, 'two']
config.one = (5)
config.single = (5,)
config.empty = []
config.none = None
config.yes = not_ = True
`.replace("config.yes = not_ = True", "config.yes = True"),
      ),
    ).toEqual({
      margin_list: [1, 0.5, 0],
      pair: [1, "two"],
      one: 5,
      single: [5],
      empty: [],
      none: null,
      yes: true,
    });
    // What CPython 3.11 says of these.
    expect(
      valuesIn(`config = edict()
config.a = 7 // 2
config.b = -7 // 2
config.c = -7 % 3
config.d = 2 ** 3 ** 2
config.e = -2 ** 2
config.f = 30 * 10000
config.g = 1_000
config.h = 5e-4
config.i = .5
config.j = config.a // 3 + 1
config.k = 0x10
config.l = 2 + \\
  3
config.m = r"a\\n" "b\\n"
config.n = 'it\\'s'
config.o = """two
lines"""
config.a = 9
`),
    ).toEqual({
      ...{ a: 9, b: -4, c: 2, d: 512, e: -4, f: 300000, g: 1000, h: 5e-4, i: 0.5, j: 2, k: 16, l: 5 },
      ...{ m: "a\\nb\n", n: "it's", o: "two\nlines" },
    });
  });

  test.each([
    ["import os\nconfig = edict()\nconfig.rec = os.path.join('a', 'b')\n", 3, "would have to be run"],
    ["config = edict()\nif True:\n  config.lr = 1\n", 2, "`if True:` sets no option"],
    ["config = edict()\nconfig.update(dict(lr=1))\n", 2, "sets no option"],
    ["config = edict()\nconfig.lr *= 2\n", 2, "`config.lr *= 2` sets no option"],
    ["config = edict()\n\nconfig.lr = base * 2\n", 3, "`base` is not set before"],
    ["config = edict()\nconfig.lr = config.rate\n", 2, "`config.rate` is not set before"],
    ["config = edict(lr=1)\n", 1, "would have to be run"],
    ["config.lr = 1\n", 1, "`config` is no `edict()`"],
    ["config = edict()\nconfig.lr = 1 / 0\n", 2, "no arithmetic of finite numbers"],
    ["config = edict()\nconfig.lr = 'a' + 1\n", 2, "no arithmetic of finite numbers"],
    ["config = edict()\nconfig.lr = {1: 2}\n", 2, "a value is missing, or is of a kind that is not read"],
    ["config = edict()\nconfig.lr = f'{1}'\n", 2, "`f` is not set before"],
    ["config = edict()\nconfig.lr = (1, 2\nconfig.x = 1\n", 3, "`)` or `,` is missing"],
    ["config = edict()\nconfig.lr = 'open\n", 2, "a value is missing"],
    ["config = edict()\nconfig.lr = 1 if True else 2\n", 2, "`if` is not read here"],
    ["config = edict()\n@decorated\n", 2, "no setting begins like this"],
    ["config = edict()\nconfig.a.b = 1\n", 2, "sets no option"],
  ])("are refused with their line where they are more: %j", (text, line, says) => {
    const refusal = refusalOf(() => valuesIn(text));
    expect(refusal).toMatchObject({ code: "F2C2541", line });
    expect(refusal.message).toContain(says);
  });

  test("of any damaged file are read or refused in words", () => {
    const text = configText({ warmup_epoch: "config.num_epoch // 10", rec: '"/data"' });
    for (let i = 0; i < 400; i++) {
      const at = (i * 7919) % text.length;
      const damaged =
        i % 2 ? text.slice(0, at) : text.slice(0, at) + "\\'\"([{)]}#=.%"[i % 13] + text.slice(at + 1);
      try {
        valuesIn(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(CompileError);
      }
    }
  });
});

/** A config with these lines over those that all of arcface_torch's have. */
function configText(options: Readonly<Record<string, string>>): string {
  const all = {
    margin_list: "(1.0, 0.5, 0.0)",
    network: '"r18"',
    resume: "False",
    output: "None",
    embedding_size: "512",
    sample_rate: "1.0",
    fp16: "True",
    momentum: "0.9",
    weight_decay: "5e-4",
    batch_size: "128",
    lr: "0.1",
    verbose: "2000",
    dali: "False",
    rec: '"synthetic"',
    num_classes: "40",
    num_image: "160",
    num_epoch: "20",
    warmup_epoch: "0",
    val_targets: "[]",
    ...options,
  };
  const lines = Object.entries(all).map(([option, value]) => `config.${option} = ${value}`);
  return ["from easydict import EasyDict as edict", "", "config = edict()", ...lines, ""].join("\n");
}

function read(options: Readonly<Record<string, string>>, name = "tiny_r18"): ArcFaceConfig {
  const path = join(folder, `${name}.py`);
  writeFileSync(path, configText(options));
  return ArcFaceConfig.read(path);
}

const written = (options: Readonly<Record<string, string>>, gpus?: number, name?: string) =>
  fromArcFaceTorch({ config: read(options, name), path: "configs/tiny_r18.py", directory: folder, gpus });

/** The experiment that a text declares, built and compiled. */
function compiled(text: string) {
  const file = join(folder, "experiment.ts");
  writeFileSync(file, text);
  return compileExperiment(loadExperiment(file));
}

describe("an experiment of a config", () => {
  test("compiles, and has the config's numbers", () => {
    const { experiment, module } = compiled(written({ gradient_acc: "2" }, 4));
    expect(experiment).toMatchObject({
      name: "tiny_r18",
      accumulate: 8,
      precision: "f16",
      seed: 2048,
      length: { unit: "epochs", count: 20 },
      loader: { streams: { x: 128 } },
    });
    const centres = module.storages.find(({ name }) => name.endsWith("centres"));
    expect(centres?.type.dims).toEqual([40, 512]);
  });

  test("names every option that the config sets, as what it is or in a comment", () => {
    const options = {
      ...{ interclass_filtering_threshold: "0.4", gradient_acc: "12", num_workers: "4", seed: "7" },
      ...{ save_all_states: "True", frequent: "10", using_wandb: "True", wandb_key: '"secret"' },
      ...{ wandb_entity: '"us"', wandb_project: '"faces"', wandb_resume: "False", optimizer: '"sgd"' },
      ...{
        own_option: "3",
        dali_aug: "False",
        suffix_run_name: "None",
        notes: '"first"',
        decay_epoch: "[1]",
      },
    };
    for (const more of [{}, { using_wandb: "False", optimizer: '"adamw"', momentum: "0.8" }]) {
      const text = written({ ...options, ...more });
      const left = [...read({ ...options, ...more }).own].filter(
        (option) => !new RegExp(`\\b${option}\\b`).test(text),
      );
      expect(left).toEqual([]);
      expect(text).not.toContain("secret");
    }
  });

  test.each([
    [{ network: '"r200"' }, "iresnet(200), "],
    [{ network: '"r2060"' }, "iresnet(200), "],
    [{ network: '"mbf"', embedding_size: "256" }, "mbf({ embedding: 256 }), "],
    [{ network: '"mbf_large"' }, "mbf({ large: true }), "],
    [{ network: '"vit_t"' }, 'vit("tiny"), '],
    [{ network: '"vit_s_dp005_mask_0"' }, 'vit("small", { dropPath: 0.05, mask: 0 }), '],
    [{ network: '"vit_l_dp005_mask_005"' }, 'vit("large", { dropPath: 0.05 }), '],
    [{ network: '"vit_h"' }, "vit({ width: 1024, depth: 48 }, { mask: 0, checkpointed: true }), "],
    [{ margin_list: "(1.0, 0.0, 0.4)" }, "margin: cosFace({ scale: 64, margin: 0.4 }), "],
    [{ margin_list: "(1.0, 0.3, 0.2)" }, "`combined({ scale: 64, m1: 1, m2: 0.3, m3: 0.2 })`"],
    [{ margin_list: "(1.35, 0, 0)" }, "margin: combined({ scale: 64, m1: 1.35, m2: 0, m3: 0 }), "],
    [
      { margin_list: "(1, 0, .4)", interclass_filtering_threshold: "0.4" },
      "margin: withoutConflicts(cosFace({ scale: 64, margin: 0.4 }), { above: 0.4 }),",
    ],
    [{ sample_rate: "0.2" }, "bank: sampled({ share: 0.2 }), "],
    [{ sample_rate: "0" }, "bank: sampled({ share: 0 }), "],
    [{ optimizer: '"adamw"', weight_decay: "0.1" }, "adamw({ weightDecay: 0.1, clip: 5 })"],
    [{ fp16: "False" }, 'precision: "f32", '],
    [{ dali: "True", dali_aug: "True" }, "lowResolution({ smallest: 0.5, probability: 0.1 }),"],
    [{ momentum: "0.8" }, "momentum = 0.8 is never read: arcface_torch's SGD has 0.9."],
    [
      { using_wandb: "True", wandb_project: '"faces"' },
      'observe: [wandb({ project: "faces", entity: "entity" })],',
    ],
  ])(
    "%j is %s",
    (options, says) => {
      const text = written(options);
      expect(text).toContain(says);
      expect(compiled(text).experiment.name).toBe("tiny_r18");
    },
    60_000,
  );

  test("older configs name a loss instead of a margin", () => {
    writeFileSync(
      join(folder, "old.py"),
      configText({ loss: '"cosface"' }).replace(/config.margin_list.*\n/, ""),
    );
    const text = fromArcFaceTorch({
      config: ArcFaceConfig.read(join(folder, "old.py")),
      path: "old.py",
      directory: folder,
    });
    expect(text).toContain('margin: cosFace({ scale: 64, margin: 0.4 }), // loss = "cosface"');
  });

  test.each([
    ["wf42m_pfc02_16gpus_r100", undefined, 16],
    ["wf42m_pfc03_32gpu_r50", undefined, 32],
    ["wf42m_pfc03_40epoch_64gpu_vit_b", undefined, 64],
    ["ms1mv3_r50_onegpu", undefined, 1],
    ["ms1mv3_r50", undefined, 8],
    ["ms1mv3_r50", 2, 2],
  ])("%s with --gpus %s takes as many steps an update as it has GPUs: %i", (name, given, gpus) => {
    const text = written({}, given, name);
    expect(/accumulate: (\d+),/.exec(text)?.[1] ?? "1").toBe(String(gpus));
  });

  test("the rate is that of arcface_torch's scheduler, but for the first step of its warm-up", () => {
    for (const warmup of [0, 5]) {
      const { experiment } = compiled(written({ warmup_epoch: String(warmup), batch_size: "16" }, 1));
      const [stepsPerEpoch, steps] = [10, 200];
      // `PolynomialLRWarmup`, one `scheduler.step()` after each step: a line up, then each rate from the last by a factor.
      const [warm, base] = [warmup * stepsPerEpoch, 0.1];
      let rate = base;
      for (let step = 0; step < steps; step++) {
        if (step > 0)
          rate =
            step <= warm
              ? (base * step) / warm
              : rate * ((1 - (step - warm) / (steps - warm)) / (1 - (step - 1 - warm) / (steps - warm)));
        const found = experiment.lr({ step, steps, stepsPerEpoch, epoch: step / stepsPerEpoch } as never);
        expect(found).toBeCloseTo(step === 0 && warm > 0 ? 0 : rate, 12);
      }
    }
  });
});

describe("the data of a config", () => {
  test("is train.rec with the .bin sets beside it, wherever they lie", () => {
    const text = written({ rec: '"/nowhere/faces/"', val_targets: "['lfw', \"cfp_fp\"]", verbose: "100" }, 2);
    expect(text).toContain('const folder = "/nowhere/faces"; // rec\n');
    expect(text).toContain("data: recordIO({ path: `${folder}/train.rec`, size: 112 }),");
    expect(text).toContain(
      "  lfw: listedPairs({ data: binSet({ path: `${folder}/lfw.bin`, size: 112 }), every: steps(200) }),",
    );
  });

  test("is a folder of images where there is no train.rec, and sets that are not there are left out", () => {
    const root = join(folder, "faces");
    for (const person of ["a", "b"]) mkdirSync(join(root, person), { recursive: true });
    for (const person of ["a", "b"])
      writeFileSync(join(root, person, "1.pgm"), Buffer.from(`P5 1 1 255\n\x07`, "latin1"));
    const text = written({ rec: JSON.stringify(root), val_targets: "['lfw']" });
    expect(text).toContain("data: imageFolder({ root: folder, size: 112 }),");
    expect(text).toContain("There is no lfw.bin in the folder");
    expect(compiled(text).train.offsets).toEqual(Int32Array.of(0, 1, 2));
  });

  test("writes no code into the experiment", () => {
    const options = { rec: "'/a`${1}`\\n\"'", output: "'*/ \\u2028 x'", batch_size: "64 # `\n" };
    const text = written({ ...options, own: '"""a\nprocess.exit()"""' });
    expect(text).toContain(`const folder = ${JSON.stringify('/a`${1}`\n"')};`);
    expect(text).not.toMatch(/^\s*process/m);
    expect(refusalOf(() => written({ rec: '"/a"', val_targets: '["`+process.exit()+`"]' }))).toMatchObject({
      code: "F2C2541",
      message: expect.stringContaining("needs a list of names of files"),
    });
  });
});

describe("a config that is none", () => {
  test.each([
    [{ network: '"r51"' }, 'network = "r51"`, where arcface_torch needs one of r18, r34, '],
    [{ optimizer: '"lamb"' }, "where arcface_torch needs one of sgd, adamw"],
    [{ batch_size: "0" }, "`batch_size = 0`, where arcface_torch needs a whole number of images"],
    [{ sample_rate: "1.5" }, "needs a share from 0 to 1"],
    [{ margin_list: "(1.0, 0.5)" }, "needs a list of 3 numbers"],
    [{ num_epoch: "None" }, "needs a number above 0"],
    [{ warmup_epoch: "20" }, "`warmup_epoch = 20`, where arcface_torch needs fewer epochs than num_epoch"],
    [{ val_targets: '"lfw"' }, "needs a list of names of files"],
  ])("%j is refused with its line", (options, says) => {
    const refusal = refusalOf(() => written(options as Record<string, string>));
    expect(refusal).toMatchObject({ code: "F2C2541", message: expect.stringContaining(says) });
    expect(refusal.line).toBeGreaterThan(3);
  });

  test("names what lies at its path", () => {
    const read = (path: string) => refusalOf(() => ArcFaceConfig.read(path)).message;
    expect(refusalOf(() => ArcFaceConfig.read(join(folder, "none.py"))).code).toBe("F2C2540");
    expect(read(join(folder, "none.py"))).toMatch(/^there is no file .*none\.py$/);
    expect(read(folder)).toMatch(/is no file of settings$/);
    writeFileSync(join(folder, "empty.py"), "import os\n");
    expect(read(join(folder, "empty.py"))).toMatch(/empty\.py sets no option$/);
    writeFileSync(join(folder, "short.py"), "config = edict()\nconfig.lr = 0.1\n");
    const short = ArcFaceConfig.read(join(folder, "short.py"));
    expect(
      refusalOf(() => fromArcFaceTorch({ config: short, path: "short.py", directory: folder })).message,
    ).toMatch(/^`rec` is set neither in .*short\.py nor in a base\.py beside it$/);
  });

  test("takes the rest from base.py beside it, and where none lies there from arcface_torch's", () => {
    const beside = join(folder, "with-base");
    mkdirSync(beside);
    writeFileSync(join(beside, "c.py"), configText({}).replace(/config.(fp16|verbose).*\n/g, ""));
    const text = () =>
      fromArcFaceTorch({ config: ArcFaceConfig.read(join(beside, "c.py")), path: "c.py", directory: folder });
    expect(text()).toContain('precision: "f32", // fp16 = False');
    writeFileSync(join(beside, "base.py"), `${configText({})}config.fp16 = True\nconfig.seed = 11\n`);
    expect(text()).toContain('precision: "f16", // fp16 = True');
    expect(text()).toContain("seed: 11,");
  });
});

test("an experiment on one's own faces compiles", () => {
  const root = join(folder, "own");
  for (let person = 0; person < 10; person++) {
    mkdirSync(join(root, `p${person}`), { recursive: true });
    for (let i = 0; i < 6; i++)
      writeFileSync(join(root, `p${person}`, `${i}.pgm`), Buffer.from(`P5 1 1 255\n\x07`, "latin1"));
  }
  const text = ownFaces({ name: "own", folder: root });
  expect(compiled(text).experiment.name).toBe("own");
  expect(readFileSync(join(folder, "experiment.ts"), "utf8")).toBe(text);
});

test("a relative folder is found from where the command is called, as arcface_torch does, and named from the experiment", () => {
  mkdirSync(join(folder, "called", "ms1m"), { recursive: true });
  const text = (directory: string) =>
    fromArcFaceTorch({
      config: read({ rec: '"ms1m"', val_targets: '["lfw"]' }, "relative"),
      path: "relative.py",
      directory: join(folder, directory),
      calledIn: join(folder, "called"),
    });
  expect(text("called")).toContain('const folder = "ms1m"; // rec, from the folder of this file');
  expect(text("experiments")).toContain(
    'const folder = "../called/ms1m"; // rec, from the folder of this file',
  );
  expect(text("experiments")).toContain("There is no lfw.bin in the folder");
  mkdirSync(join(folder, "experiments", "ms1m"), { recursive: true });
  expect(text("experiments")).toContain('const folder = "ms1m";');
});
