import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cli, metrics, root as repository, start, tiny } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-errors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const base = readFileSync(tiny, "utf8");
let count = 0;

/** An experiment in a file of its own. */
function experiment(text: string): string {
  const file = join(folder, `exp-${count++}.ts`);
  writeFileSync(file, text);
  return file;
}

const changed = (from: string | RegExp, to: string) => {
  const text = base.replace(from, to);
  if (text === base) throw new Error(`nothing to replace: ${from}`);
  return experiment(text);
};

/** A folder of identities with PGM images of noise. */
function photographs(identities: number, images: number): string {
  const root = join(folder, `people-${count++}`);
  mkdirSync(root);
  for (let person = 0; person < identities; person++) {
    mkdirSync(join(root, `p${person}`));
    for (let i = 0; i < images; i++) {
      const pixels = Buffer.from(
        Array.from({ length: 32 * 32 }, (_, k) => (k * 7 + person * 31 + i * 13) % 256),
      );
      writeFileSync(
        join(root, `p${person}`, `${i}.pgm`),
        Buffer.concat([Buffer.from("P5 32 32 255\n"), pixels]),
      );
    }
  }
  return root;
}

const fromFolder = (root: string, heldOut = 2) =>
  changed(
    /syntheticFaces\(\{[\s\S]*?\}\),\n/,
    `imageFolder({ root: ${JSON.stringify(root)}, size: 32, channels: 3, heldOut: ${heldOut} }),\n`,
  );

const imported = (file: string) => {
  writeFileSync(file, readFileSync(file, "utf8").replace("multistep,", "multistep, imageFolder,"));
  return file;
};

/** One error with this code, this in its text, this exit code. */
async function refused(
  args: readonly string[],
  code: string,
  exit: number,
  ...says: (string | RegExp)[]
): Promise<string> {
  const { code: status, err } = await cli(args);
  expect(err).toContain(code);
  for (const text of says) expect(err).toMatch(text);
  expect(err.match(/\nerror F2C|^error F2C/g), err).toHaveLength(1);
  expect(status, err).toBe(exit);
  return err;
}

describe("an experiment that cannot be compiled says so with its line and a remedy", () => {
  test("a file that is not there", () =>
    refused(["check", join(folder, "none.ts")], "F2C1101", 1, /none\.ts/));
  test("a type error", () =>
    refused(
      ["check", changed("seed: 3", 'seed: "3"')],
      "F2C1001",
      1,
      /'string' is not assignable to type 'number'/,
      /\^+/,
    ));
  test("a wrong channel count, at the call", async () => {
    const file = experiment(`import { batchNorm2d, conv2d, module, type Images } from "f2c-dsl";
export default module({ a: conv2d(3, 8, { kernel: 3 }), b: batchNorm2d(16) }, ({ a, b }, x: Images<3>) => b(a(x)));`);
    await refused(
      ["check", file],
      "F2C1001",
      1,
      /exp-\d+\.ts:2:109/,
      /f32\[number, 8, .* where f32\[number, 16, /,
    );
  });
  test("a syntax error", () =>
    refused(["check", experiment("export default experiment({")], "F2C1102", 1, /expected/));
  test("an import that is not there", () =>
    refused(
      ["check", experiment('import { x } from "./nowhere.js"; export default x;')],
      "F2C1104",
      1,
      /nowhere/,
    ));
  test("no default export", () =>
    refused(["check", experiment("export const x = 1;")], "F2C1105", 1, /export default experiment/));
  test("another default export", () => refused(["check", experiment("export default 5;")], "F2C1106", 1));
  test("a throw while it loads, at its line", () =>
    refused(
      ["check", experiment('const a = 1;\nif (a) throw new Error("no such luck");\nexport default a;')],
      "F2C1107",
      1,
      /no such luck/,
      /exp-\d+\.ts:2/,
    ));
  test("a pool smaller than a step's identities", () =>
    refused(
      ["check", changed("capacity: 24", "capacity: 5")],
      "F2C2301",
      1,
      /`capacity` of 5/,
      /raise the pool's `capacity`/,
    ));
  test("two lengths", () => refused(["check", changed("steps: 24", "steps: 24, epochs: 2")], "F2C2104", 1));
});

describe("data that cannot be used", () => {
  test("no such folder", () =>
    refused(["check", imported(fromFolder(join(folder, "void")))], "F2C2205", 1, /void/));
  test("an empty folder", () => {
    mkdirSync(join(folder, "empty"), { recursive: true });
    return refused(
      ["check", imported(fromFolder(join(folder, "empty")))],
      "F2C2206",
      1,
      /a folder of its own/,
    );
  });
  test("one identity", () =>
    refused(["check", imported(fromFolder(photographs(1, 3), 0))], "F2C2204", 1, /leaves 1 to train on/));
  test("an identity without images is passed over and told of; when all are, that is an error", async () => {
    const root = photographs(8, 5);
    mkdirSync(join(root, "nobody"));
    const { code, out } = await cli(["check", imported(fromFolder(root))]);
    expect(out).toMatch(/8 identities, 40 images; skipped 1 folder without images \(nobody\)\n/);
    expect(code).toBe(0);
    const nobody = join(folder, "nobodies");
    mkdirSync(join(nobody, "nobody"), { recursive: true });
    await refused(
      ["check", imported(fromFolder(nobody))],
      "F2C2207",
      1,
      /1 folder without images \(nobody\)/,
    );
  });
  test("a truncated image, named, in the middle of a run; what was logged stays", async () => {
    const root = photographs(12, 4);
    writeFileSync(join(root, "p3", "2.pgm"), "P5 32 32 255\nshort");
    const run = join(folder, "truncated");
    const file = imported(fromFolder(root));
    await refused(["run", file, "--run-dir", run, "--threads", "1"], "F2C6104", 1, /p3\/2\.pgm/);
    expect(metrics(run).every((m) => Number.isFinite(m.loss))).toBe(true);
  });
});

describe("a plan that fails in the middle of a run", () => {
  test("is its author's fault, with line and step", () =>
    refused(
      [
        "run",
        changed(
          "ema: (at) => 0.9 + 0.05 * Math.sin((24 * at.step) / at.steps)",
          "ema: (at) => {\n      if (at.step < 5) return 0.9;\n      throw new Error('no momentum');\n    }",
        ),
        "--run-dir",
        join(folder, "planless"),
        "--threads",
        "1",
      ],
      "F2C2012",
      1,
      /the plan threw at step 5: no momentum/,
      /exp-\d+\.ts:24/,
    ));
});

describe("a command line that asks for what there is not", () => {
  test("a number that is none", () =>
    refused(["run", tiny, "--steps", "x"], "F2C1108", 2, /--steps must be a whole number/));
  test("a symbol without a size, and one that no shape has", async () => {
    await refused(["ir", tiny, "--bind", "B"], "F2C1108", 2, /--bind B=64/);
    await refused(["ir", tiny, "--bind", "Q=3"], "F2C1108", 2, /no shape has this symbol/);
  });
  test("a torch that the host does not work with", async () => {
    await refused(
      ["setup", "--torch", "2.10.0"],
      "F2C1108",
      2,
      /--torch 2\.10\.0/,
      />=2\.11,<2\.\d+, as 2\./,
    );
  });
  test("a pass that does not run", () =>
    refused(["ir", tiny, "--print-after", "foo"], "F2C1108", 2, /there is no pass foo/, /dead-code/));
  test("a command, an option or a choice that there is not, or one argument too few", async () => {
    await refused(["rum", tiny], "F2C1108", 2, /unknown command 'rum'/, /help: did you mean run\?/);
    await refused(
      ["run", tiny, "--stpes", "3"],
      "F2C1108",
      2,
      /unknown option '--stpes'/,
      /did you mean --steps\?/,
    );
    await refused(
      ["ir", tiny, "--stage", "x"],
      "F2C1108",
      2,
      /Allowed choices are lowered, optimised, torch/,
    );
    await refused(["run"], "F2C1108", 2, /missing required argument 'experiment'/, /COMMAND --help/);
    await refused(["eval", "net.pt"], "F2C1108", 2, /required option '--protocol <file>' not specified/);
    await refused(
      ["eval", "net.pt", "--protocl", tiny],
      "F2C1108",
      2,
      /unknown option '--protocl'/,
      /did you mean --protocol\?/,
    );
    await refused(
      ["embed", "net.pt", "--data", tiny],
      "F2C1108",
      2,
      /required option '--out <file>' not specified/,
    );
  });
  test("a folder, and a file that is not TypeScript", async () => {
    await refused(["check", folder], "F2C1101", 1, /it is a folder/);
    const json = join(folder, "data.json");
    writeFileSync(json, "{}");
    await refused(["check", json], "F2C1108", 2, /is not a TypeScript file/);
    const study = join(repository, "examples/study.ts");
    await refused(["check", study, "--set", "lr=1"], "F2C1108", 2, /--set changes options of an experiment/);
  });
  test("files in folders that are not there", async () => {
    const nowhere = join(folder, "nowhere", "file");
    await refused(["ir", tiny, "--graph", `${nowhere}.html`], "F2C6404", 4, /does not exist/);
    const run = join(folder, "recorded");
    await refused(["run", tiny, "--run-dir", run, "--record", nowhere], "F2C6404", 4, /does not exist/);
  });
  test("pairs that the held-out people do not make, before there is a run folder", async () => {
    const at = join(folder, "too-many-pairs");
    const many = changed(`pairs: "held-out"`, "pairs: { genuine: 0, impostor: 1_000_000 }");
    await refused(["run", many, "--run-dir", at], "F2C2503", 1);
    expect(existsSync(at)).toBe(false);
  });
  test("a run folder that is a file", () =>
    refused(["run", tiny, "--run-dir", experiment("")], "F2C6404", 4, /there is a file of that name/));
  test("watching in a folder that is not there", () =>
    refused(["check", join(folder, "nowhere", "exp.ts"), "--watch"], "F2C1101", 1));
});

describe("a host that cannot do its work", () => {
  test("CUDA where there is none, and again in the same folder: a run without a step is none", async () => {
    const source = changed("steps: 24,", 'steps: 24, device: "cuda:7",');
    for (let i = 0; i < 2; i++)
      await refused(["run", source, "--run-dir", join(folder, "cuda")], "F2C6302", 3, /cuda:7/, /auto/);
  });
  test("a Python without the host", async () => {
    const { code, err } = await cli(["run", tiny, "--run-dir", join(folder, "nopy")], {
      F2C_PYTHON: "/bin/false",
    });
    expect(err).toContain("F2C6001");
    expect(err).toMatch(/f2c-dsl doctor/);
    expect(code).toBe(3);
  });
  test("a Python that is not there", async () => {
    const { code, err } = await cli(["run", tiny, "--run-dir", join(folder, "nopy2")], {
      F2C_PYTHON: "/no/such/python",
    });
    expect(err).toContain("F2C6001");
    expect(code).toBe(3);
  });
  test("another version", async () => {
    const site = join(folder, "old");
    mkdirSync(site);
    writeFileSync(
      join(site, "sitecustomize.py"),
      "import f2c_host.ir.ops_table as t\nt.REGISTRY_HASH = 'of yesterday'\n",
    );
    const { code, err } = await cli(["run", tiny, "--run-dir", join(folder, "old-run")], {
      PYTHONPATH: site,
    });
    expect(err).toContain("F2C6005");
    expect(err).toMatch(/of yesterday/);
    expect(err).toMatch(/f2c-dsl setup/);
    expect(code).toBe(3);
  });
  test("a loss that is not a number stops the run and keeps the checkpoints", async () => {
    const run = join(folder, "nan");
    await refused(
      ["run", changed("base: 0.05", "base: 1e30"), "--run-dir", run, "--threads", "1"],
      "F2C6301",
      1,
      /lower|learning rate/,
    );
    expect(readFileSync(join(run, "run.log"), "utf8")).toMatch(/error F2C6301: /);
  });
});

test("a wrong command line ends with 2 and points at --help", async () => {
  for (const args of [["run"], ["nonsense"], ["ir", tiny, "--wrong"], ["ir", tiny, "--function", "stride"]])
    expect((await cli(args)).code).toBe(2);
});

test("diagnostics are JSON on demand", async () => {
  const { out, code } = await cli(["check", changed("seed: 3", 'seed: "3"'), "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(out).diagnostics[0]).toMatchObject({
    code: "F2C1001",
    severity: "error",
    span: { path: expect.stringContaining("exp-") },
  });
});

test("a code is explained, another is refused", async () => {
  const { out, code } = await cli(["explain", "f2c1018"]);
  expect(out).toMatch(/^F2C1018 index-of-tensor\n[\s\S]*\nRemedy: /);
  expect(code).toBe(0);
  const several = await cli(["explain", "f2c1031"]);
  expect(several.out).toMatch(/^F2C1031 loop-over-unknown-length\n[\s\S]*\n {6}help: [\s\S]*\n {6}help: /);
  await refused(["explain", "F2C9999"], "F2C1108", 2, /there is no diagnostic F2C9999/);
});

test("every command explains itself with an example", async () => {
  for (const args of [
    ["run"],
    ["ir"],
    ["check"],
    ["data", "preview"],
    ["data", "check"],
    ["data", "info"],
    ["explain"],
    ["setup"],
    ["doctor"],
  ]) {
    const { out, code } = await cli([...args, "--help"]);
    expect(out).toMatch(/Example:\n {2}\$ f2c-dsl/);
    expect(code).toBe(0);
  }
});

test.each([
  ["help", ["ir", "--help"]],
  ["a program", ["ir", tiny]],
])("%s that nobody reads ends quietly, with the code of tools that SIGPIPE ends", async (_what, args) => {
  const { child, finished } = start(args);
  child.stdout!.destroy();
  expect(await finished).toEqual({ code: 141, out: "", err: "" });
});
