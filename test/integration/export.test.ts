/** Nets taken away as files, by a run and afterwards from its checkpoints, and what onnxruntime makes of them. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { cli, root, tiny } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-export-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const run = join(folder, "run");
const inRun = (...parts: string[]) => join(run, ...parts);

function python(code: string, ...args: string[]): string {
  const done = spawnSync(requirePython(), ["-W", "ignore", "-c", code, ...args], { encoding: "utf8" });
  expect(done.status, done.stderr).toBe(0);
  return done.stdout.trim();
}

/** Writes images and what `net.pt` makes of them, each as plain numbers. */
const REFERENCE = `
import sys, torch
images = torch.randint(0, 256, (int(sys.argv[2]), 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
images.numpy().tofile(sys.argv[3] + ".images")
torch.jit.load(sys.argv[1])(images).numpy().tofile(sys.argv[3] + ".embeddings")
`;

describe("a run that is to leave ONNX", () => {
  beforeAll(async () => {
    const experiment = join(folder, "tiny.ts");
    writeFileSync(
      experiment,
      readFileSync(tiny, "utf8").replace("  lr:", '  export: ["torchscript", "safetensors", "onnx"],\n  lr:'),
    );
    const { code, err, out } = await cli([
      "run",
      experiment,
      "--run-dir",
      run,
      "--threads",
      "1",
      "--steps",
      "9",
    ]);
    expect(code, err).toBe(0);
    expect(err).toMatch(/net\.onnx: opset 18, difference from torch \d\.\de-\d/);
    expect(out).toContain("net.onnx");
  });

  test("leaves a net that onnxruntime runs from Python as torch does, for any batch", () => {
    for (const size of [1, 7]) {
      const at = join(folder, `python-${size}`);
      python(REFERENCE, inRun("net.pt"), String(size), at);
      const difference = python(
        `
import sys, numpy, onnxruntime
images = numpy.fromfile(sys.argv[2] + ".images", "u1").reshape(-1, 3, 32, 32)
wanted = numpy.fromfile(sys.argv[2] + ".embeddings", "f4").reshape(len(images), -1)
found = onnxruntime.InferenceSession(sys.argv[1]).run(["embedding"], {"images": images})[0]
print(abs(found - wanted).max())`,
        inRun("net.onnx"),
        at,
      );
      expect(Number(difference)).toBeLessThan(1e-5);
    }
  });

  test.each(["Python, without torch", "Python, with torch"])(
    "is read as docs/exporting.md shows: %s",
    (heading) => {
      const docs = readFileSync(join(root, "docs/exporting.md"), "utf8");
      const snippet = docs.split(`## ${heading}\n`)[1]!.match(/```python\n(.*?)```/s)![1]!;
      const faces =
        'import os, sys\nfrom PIL import Image\nos.chdir(sys.argv[1])\nfor f in "ab": Image.new("RGB", (40, 50), "white").save(f"{f}.png")\n';
      const [cosine, fact] = python(faces + snippet, run).split("\n");
      expect(Number(cosine!.replace("cosine ", ""))).toBeCloseTo(1, 5);
      expect(fact).toMatch(heading.includes("without") ? /^RGB$/ : /^32 numbers a face; \d+ tensors$/);
    },
  );

  // 45 to 290 MB, and its installation asks a server of its own: F2C_ONNXRUNTIME_NODE names a folder whose node_modules has it.
  const home = process.env.F2C_ONNXRUNTIME_NODE;
  test.skipIf(home === undefined)("leaves a net that onnxruntime-node runs as torch does", async () => {
    const ort = createRequire(join(home!, "package.json"))("onnxruntime-node");
    const session = await ort.InferenceSession.create(inRun("net.onnx"));
    for (const size of [1, 7]) {
      const at = join(folder, `node-${size}`);
      python(REFERENCE, inRun("net.pt"), String(size), at);
      const images = new ort.Tensor("uint8", new Uint8Array(readFileSync(`${at}.images`)), [size, 3, 32, 32]);
      const { embedding } = await session.run({ images });
      const wanted = new Float32Array(new Uint8Array(readFileSync(`${at}.embeddings`)).buffer);
      expect(embedding.dims).toEqual([size, wanted.length / size]);
      const apart = wanted.map((value, i) => Math.abs(value - embedding.data[i]));
      expect(Math.max(...apart)).toBeLessThan(1e-5);
    }
    const wrong = new ort.Tensor("uint8", new Uint8Array(3 * 16 * 16), [1, 3, 16, 16]);
    await expect(session.run({ images: wrong })).rejects.toThrow(/images/);
  });

  test("is exported again from its newest checkpoint, without its sources, with the same weights", async () => {
    renameSync(inRun("net.safetensors"), join(folder, "before.safetensors"));
    renameSync(inRun("source"), join(folder, "source"));
    const { code, err, out } = await cli(["export", run, "--to", "safetensors"]);
    expect(code, err).toBe(0);
    expect(out).toMatch(/net\.safetensors: the net before step 9\n$/);
    expect(readFileSync(inRun("net.safetensors"))).toEqual(readFileSync(join(folder, "before.safetensors")));
  });

  test("is exported from the checkpoint and into the file that are asked for", async () => {
    const file = join(folder, "mine.pt");
    const done = await cli(["export", run, "--to", "torchscript", "--checkpoint", "8", "--out", file]);
    expect(done.code, done.err).toBe(0);
    const about = python(
      'import sys, torch; f = {"about.json": ""}; torch.jit.load(sys.argv[1], _extra_files=f); print(f["about.json"].decode())',
      file,
    );
    expect(JSON.parse(about)).toMatchObject({
      experiment: "tiny",
      run: "run",
      step: "8",
      "embedding.length": "32",
    });
  });

  test("says which exporters and checkpoints there are", async () => {
    const unknown = await cli(["export", run, "--to", "tflite"]);
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining("F2C6317")]);
    const missing = await cli(["export", run, "--to", "onnx", "--checkpoint", "7"]);
    expect(missing.code).toBe(1);
    expect(missing.err).toMatch(/F2C6408.*the checkpoints 9, 8, not 7/);
    const nowhere = await cli(["export", folder, "--to", "onnx"]);
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("F2C6408")]);
    const two = await cli(["export", run, "--to", "onnx,torchscript", "--out", "x"]);
    expect([two.code, two.err]).toEqual([2, expect.stringContaining("F2C1108")]);
    expect(existsSync(join(folder, "checkpoints"))).toBe(false); // asking leaves nothing behind
  });

  test("is exported from the checkpoint before a damaged one, and from no program that did not write it", async () => {
    truncateSync(inRun("checkpoints/step-00000009/planner.safetensors"), 20);
    const older = await cli(["export", run, "--to", "safetensors"]);
    expect(older.err).toMatch(/skipping step-00000009, which is not whole/);
    expect(older.out).toContain("the net before step 8");
    const ir = JSON.parse(readFileSync(inRun("ir.json"), "utf8"));
    const images = ir.functions.find((f: { name: string }) => f.name === "infer").inputs[0];
    images.name = "pixels";
    writeFileSync(inRun("ir.json"), JSON.stringify(ir));
    const other = await cli(["export", run, "--to", "safetensors"]);
    expect(other.code).toBe(1);
    expect(other.err).toMatch(/F2C6409: step 8 in .* is of another program than ir\.json/);
  });
});
