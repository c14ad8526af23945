/** One net as a run, as TorchScript, ONNX and weights, scored by `f2c-dsl eval`, and what that refuses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { cli, start, tiny } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-eval-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const at = (...parts: string[]) => join(home, ...parts);

/** Colour images, with the mirror image and without. */
const PROTOCOLS = `import { fixed, identification, syntheticFaces, verification } from "f2c-dsl";

const faces = syntheticFaces({ identities: 25, imagesPerIdentity: fixed(4), size: 32, seed: 9 });
export default {
  pairs: verification({ data: faces, pairs: { genuine: 120, impostor: 600 } }),
  alone: verification({ data: faces, flip: false }),
  searches: identification({ data: faces, flip: false }),
};
`;

interface Found {
  readonly says: readonly string[];
  readonly evaluations: Readonly<
    Record<string, { readonly numbers: Readonly<Record<string, { readonly value: number | null }>> }>
  >;
}

let asked = 0;

/** What \`eval\` finds, as its JSON has it. */
async function found(net: string, ...options: string[]): Promise<Found> {
  const json = at(`found-${++asked}.json`);
  const given = ["eval", net, "--protocol", at("eval.ts"), "--threads", "1", "--json", json];
  const { code, err } = await cli([...given, ...options]);
  expect(code, err).toBe(0);
  return JSON.parse(readFileSync(json, "utf8"));
}

const numbersIn = ({ evaluations }: Found) =>
  Object.entries(evaluations).flatMap(([name, { numbers }]) =>
    Object.entries(numbers).map(([number, { value }]) => [`${name}.${number}`, value] as const),
  );

/**
 * Shares of pairs, of which none changes sides, and means of thresholds agree to nine digits. A threshold at a rate is the cosine of
 * one pair, of embeddings in f32 that each runtime sums in its own order: seven.
 */
function expectSame(one: Found, other: Found): void {
  expect(numbersIn(one).map(([name]) => name)).toEqual(numbersIn(other).map(([name]) => name));
  for (const [i, [name, value]] of numbersIn(one).entries()) {
    const [, wanted] = numbersIn(other)[i]!;
    if (wanted === null) expect(value, name).toBeNull();
    else expect(value, name).toBeCloseTo(wanted, name.includes("threshold at") ? 7 : 9);
  }
}

beforeAll(async () => {
  const exporters = '  export: ["torchscript", "safetensors", "onnx", "insightface"],\n  lr:';
  const text = readFileSync(tiny, "utf8");
  writeFileSync(at("tiny.ts"), text.replace("  lr:", exporters));
  writeFileSync(at("eval.ts"), PROTOCOLS);
  const net = `${text.replace("export default", "export const trains =")}export default small;\n`;
  writeFileSync(at("net.ts"), net);
  const trained = await cli(["run", at("tiny.ts"), "--run-dir", at("run"), "--threads", "1", "--steps", "2"]);
  expect(trained.code, trained.err).toBe(0);
}, 120_000);

describe("one net", () => {
  test("scores the same as a run, TorchScript, ONNX, insightface's ONNX and weights in its experiment's net", async () => {
    const run = await found(at("run"), "--flip", "unit");
    expect(numbersIn(run).length).toBeGreaterThan(15);
    expect(run.says[0]).toContain("tiny before step 2");
    for (const file of ["net.pt", "net.onnx", "net.insightface.onnx"])
      expectSame(await found(at("run", file), "--flip", "unit"), run);
    const weights = ["--net", at("tiny.ts"), "--flip", "unit"];
    expectSame(await found(at("run", "net.safetensors"), ...weights), run);
    // Without the mirror image there is nothing to add in one way or another.
    const alone = await found(at("run"), "--flip", "none");
    const bare = ["--net", at("net.ts"), "--flip", "none"];
    expectSame(await found(at("run", "net.safetensors"), ...bare), alone);
  }, 300_000);

  test("scores as in its run, by the protocols of its experiment", async () => {
    const json = at("as-in-run.json");
    const done = await cli([
      "eval",
      at("run"),
      "--protocol",
      at("tiny.ts"),
      "--threads",
      "1",
      "--json",
      json,
    ]);
    expect(done.code, done.err).toBe(0);
    const { verification } = JSON.parse(readFileSync(json, "utf8")).evaluations;
    const { results } = JSON.parse(readFileSync(at("run", "summary.json"), "utf8"));
    expect(verification.numbers).toEqual(results.verification.trained.numbers);
  });

  test("scores otherwise with its channels swapped, from whatever file", async () => {
    const right = numbersIn(await found(at("run"), "--flip", "unit"));
    const weights = ["--net", at("tiny.ts")];
    for (const [file, ...more] of [
      ["run"],
      ["run/net.pt"],
      ["run/net.onnx"],
      ["run/net.safetensors", ...weights],
    ]) {
      const swapped = await found(at(file!), "--order", "bgr", "--flip", "unit", ...more);
      expect(swapped.says.join()).toContain("order bgr instead of rgb, which it says itself");
      const differ = numbersIn(swapped).filter(([, value], i) => value !== right[i]![1]);
      expect(differ.length).toBeGreaterThan(5);
    }
  }, 120_000);
});

describe("what is found", () => {
  test("is a table, a line a number, and figures", async () => {
    const given = ["eval", at("run", "net.pt"), "--protocol", at("eval.ts"), "--threads", "1"];
    const { out, code } = await cli([...given, "--csv", at("deep", "a.csv"), "--out", at("figures")]);
    expect(code).toBe(0);
    expect(out).toMatch(/TorchScript; 3 x 32 x 32, rgb, pixels from 0 to 255 as uint8\n/);
    expect(out).toMatch(/^ {2}pairs +\d+\.\d\d % ± \d+\.\d\d % on 240 pairs/m);
    expect(out).toMatch(/^ {2}searches +\d+\.\d\d % at rank 1/m);
    const [head, ...lines] = readFileSync(at("deep", "a.csv"), "utf8").trim().split("\n");
    expect(head).toBe("net,evaluation,number,value,std,better,note");
    expect(lines.some((line) => /,searches,rank-5,0\.\d+,,higher,/.test(line))).toBe(true);
    expect(readFileSync(at("figures", "pairs-roc.svg"), "utf8")).toContain("<svg");
    expect(existsSync(at("figures", "searches-cmc.svg"))).toBe(true);
  });
});

describe("a TorchScript file that says nothing of its images", () => {
  beforeAll(() => {
    const script = "import sys, torch; torch.jit.load(sys.argv[1]).save(sys.argv[2])";
    const done = spawnSync(requirePython(), [
      "-W",
      "ignore",
      "-c",
      script,
      at("run", "net.pt"),
      at("bare.pt"),
    ]);
    expect(done.status).toBe(0);
  });

  test("is not guessed at", async () => {
    const { code, err } = await cli(["eval", at("bare.pt"), "--protocol", at("eval.ts")]);
    expect(code).toBe(1);
    expect(err).toMatch(/F2C2564.*bare\.pt is not known: --size, --order, --mean, --scale/);
    expect(err).toContain("--pixels uint8");
  });

  test("scores as the file that does, once it is told", async () => {
    const told = ["--size", "32x32", "--order", "rgb", "--pixels", "uint8"];
    expectSame(await found(at("bare.pt"), ...told), await found(at("run", "net.pt")));
  });

  test("that is told otherwise than it is fails by name, once", async () => {
    const told = ["--size", "32x32", "--order", "rgb", "--mean", "0", "--scale", "1"];
    const { code, err } = await cli(["eval", at("bare.pt"), "--protocol", at("eval.ts"), ...told]);
    expect(code).toBe(1);
    expect(err.match(/the evaluation `\w+` failed/g)).toHaveLength(1);
    expect(err).toMatch(/error F2C6341: .*must be uint8 \[B, 3, 32, 32\]/);
  });
});

test.each<[string, string[], string, RegExp]>([
  ["a net that is not there", ["none.pt"], "F2C2568", /there is no such file or folder/],
  ["a folder of no run", ["."], "F2C2568", /is the folder of no run/],
  ["a file of another kind", ["eval.ts"], "F2C2568", /cannot be told by its name/],
  ["weights without a net", ["run/net.safetensors"], "F2C2568", /holds weights alone/],
  ["a net beside one", ["run/net.pt", "--net", "net.ts"], "F2C2568", /--net does not go with/],
  ["a checkpoint of a file", ["run/net.pt", "--checkpoint", "2"], "F2C2568", /--checkpoint does not go with/],
  ["another flip", ["run/net.pt", "--flip", "both"], "F2C1108", /--flip both/],
  ["an unusual batch", ["run/net.pt", "--batch", "0"], "F2C1108", /--batch/],
  ["a damaged file", ["damaged.pt"], "F2C6340", /damaged\.pt cannot be read as a net/],
  ["damaged weights", ["damaged.safetensors", "--net", "tiny.ts"], "F2C2568", /cannot be read/],
])("%s is refused", async (_, [net, ...options], code, said) => {
  writeFileSync(at("damaged.pt"), readFileSync(at("run", "net.pt")).subarray(0, 5000));
  writeFileSync(at("damaged.safetensors"), "nothing");
  const given = options.map((option) => (option.endsWith(".ts") ? at(option) : option));
  const done = await cli(["eval", at(net!), "--protocol", at("eval.ts"), ...given]);
  expect(done.code).toBeGreaterThan(0);
  expect(done.err).toContain(`error ${code}: `);
  expect(done.err).toMatch(said);
});

test.each([
  [
    "a source of images",
    'import { fixed, syntheticFaces } from "f2c-dsl"; export default syntheticFaces({ identities: 30, imagesPerIdentity: fixed(4), size: 32 });',
    "F2C2562",
    /neither a protocol, nor a record of protocols/,
  ],
  ["no protocol", "export default 3;", "F2C2562", /neither a protocol/],
  [
    "nobody to compare",
    'import { verification } from "f2c-dsl"; export default verification();',
    "F2C2563",
    /`verification` does not say whom it compares/,
  ],
  [
    "images of another size",
    'import { fixed, syntheticFaces, verification } from "f2c-dsl"; export default verification({ data: syntheticFaces({ identities: 25, imagesPerIdentity: fixed(4), size: 16 }) });',
    "F2C2567",
    /the images of `verification` are 3 x 16 x 16 .*takes 3 x 32 x 32/,
  ],
])("protocols of %s are refused", async (_, text, code, said) => {
  const file = at(`odd-${++asked}.ts`);
  writeFileSync(file, text);
  const done = await cli(["eval", at("run"), "--protocol", file]);
  expect(done.code).toBe(1);
  expect(done.err).toContain(`error ${code}: `);
  expect(done.err).toMatch(said);
});

test("an experiment that evaluates nothing is refused", async () => {
  writeFileSync(
    at("silent.ts"),
    readFileSync(tiny, "utf8")
      .replace(/ {2}evaluate: .*\n/, "")
      .replace(", verification", ""),
  );
  const { code, err } = await cli(["eval", at("run"), "--protocol", at("silent.ts")]);
  expect(code).toBe(1);
  expect(err).toContain(`error ${"F2C2569"}: the experiment "tiny" evaluates nothing`);
});

/** Coloured pictures of three people, and what torch makes of them by itself. */
const PICTURES = `
import sys, numpy, torch
from pathlib import Path
from PIL import Image
home, chance = Path(sys.argv[1]), numpy.random.default_rng(3)
names, pixels = [], []
for person in ("ann", "bob", "zoë"):
    (home / "faces" / person).mkdir(parents=True)
    for shot in range(1 + len(person)):
        picture = chance.integers(0, 256, (32, 32, 3), dtype=numpy.uint8)
        Image.fromarray(picture).save(home / "faces" / person / f"{shot}.png")
        pixels.append(torch.from_numpy(picture).permute(2, 0, 1))
net = torch.jit.load(home / "run" / "net.pt")
numpy.save(home / "wanted.npy", net(torch.stack(pixels)).numpy())`;

describe("embed", () => {
  const python = (code: string, ...args: string[]) => {
    const done = spawnSync(requirePython(), ["-W", "ignore", "-c", code, ...args], {
      encoding: "utf8",
      cwd: home,
    });
    expect(done.status, done.stderr).toBe(0);
    return done.stdout.trim();
  };
  const embedded = (net: string, out: string, ...options: string[]) =>
    cli(["embed", at("run", net), "--data", at("faces.ts"), "--out", at(out), "--threads", "1", ...options]);

  beforeAll(() => {
    python(PICTURES, home);
    writeFileSync(
      at("faces.ts"),
      'import { imageFolder } from "f2c-dsl";\nexport default imageFolder({ root: "faces", size: 32 });\n',
    );
  });

  test("writes what torch makes of the pictures, and their names, as the docs read them", async () => {
    const text = readFileSync(new URL("../../docs/evaluating.md", import.meta.url), "utf8");
    const [safetensors, npy] = [...text.matchAll(/```python\n(.*?)```/gs)].map(([, code]) => code!);
    const compared = `
import numpy as np
print(rows.shape, names[0], names[-1], float(abs(rows - np.load("wanted.npy")).max()) < 1e-6)`;
    for (const [net, out, read] of [
      ["net.pt", "faces.safetensors", safetensors],
      ["net.onnx", "faces.npy", npy],
    ] as const) {
      const done = await embedded(net, out);
      expect(done.code, done.err).toBe(0);
      expect(done.out).toContain("12 rows");
      expect(python(read + compared)).toBe("(12, 32) ann/0.png zoë/3.png True");
    }
  });

  test("adds the mirror image where it is asked to, and turns colours", async () => {
    const run = await embedded("net.pt", "both.npy", "--flip", "unit");
    expect(run.code, run.err).toBe(0);
    await embedded("net.pt", "turned.npy", "--order", "bgr");
    // A source that turns colours by itself gives images as another does: they are not turned a second time.
    writeFileSync(
      at("bgr.ts"),
      readFileSync(at("faces.ts"), "utf8").replace("size: 32", 'size: 32, channelOrder: "bgr"'),
    );
    await embedded("net.pt", "by-source.npy", "--data", at("bgr.ts"));
    const differ = python(`
import numpy as np
wanted, both, turned, by = (np.load(f"{name}.npy") for name in ("wanted", "both", "turned", "by-source"))
print(both.shape, float(np.linalg.norm(both, axis=1).max()) > 1.5, float(abs(turned - wanted).max()) > 1e-3, (by == turned).all())`);
    expect(differ).toBe("(12, 32) True True True");
  });

  test.each<[string, string[], RegExp]>([
    ["a file of another kind", ["--out", at("a.csv")], /F2C1108.*ends in none of \.safetensors or \.npy/],
    ["other people", ["--of", "some"], /F2C1108.*--of some/],
    ["nobody", ["--of", "heldOut"], /F2C2131.*no images to embed/],
    ["no data", ["--data", at("net.ts")], /F2C2562.*neither an experiment nor a data source/],
  ])("of %s is refused, and leaves nothing", async (_, options, said) => {
    const { code, err } = await embedded("net.pt", "refused.npy", ...options);
    expect(code).toBeGreaterThan(0);
    expect(err).toMatch(said);
    expect(existsSync(at("refused.npy"))).toBe(false);
  });
});

test("Ctrl-C ends it, with nothing half written", async () => {
  writeFileSync(at("long.ts"), PROTOCOLS.replace("identities: 25", "identities: 4000"));
  const running = start([
    "eval",
    at("run"),
    "--protocol",
    at("long.ts"),
    "--threads",
    "1",
    "--json",
    at("long.json"),
  ]);
  await running.until(/evaluate\.searches: /);
  running.child.kill("SIGINT");
  const { code, err, out } = await running.finished;
  expect(code, err).toBe(130);
  expect(err).toContain("stopped");
  expect(out).toBe("");
  expect(existsSync(at("long.json"))).toBe(false);
});
