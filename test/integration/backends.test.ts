/** Examples in the built command and the real host, on every backend: the same losses. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { long, share } from "../long.js";
import { cli, metrics, root } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-backends-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An example that ends after `steps` and evaluates nothing, as a file of its own. */
function shortened(example: string, steps: number): string {
  const text = readFileSync(join(root, example), "utf8")
    .replace(/\n {2}evaluate:.*\n/, "\n")
    .replace(/\n {2}(steps|epochs): \d+,/, `\n  steps: ${steps},`)
    .replace("../../shared/data/orl-faces", join(root, "../shared/data/orl-faces"));
  const file = join(folder, `${steps}-${example.split("/").at(-1)}`);
  writeFileSync(file, text);
  return file;
}

async function lossesOn(backend: string, source: string): Promise<number[]> {
  const run = join(folder, `${backend}-${source.split("/").at(-1)}`);
  const { code, err } = await cli(["run", source, "--run-dir", run, "--backend", backend]);
  expect(code, err).toBe(0);
  return metrics(run).map((m) => m.loss!);
}

/** Where an op differs, losses part at once; with more steps rounding grows too. */
const STEPS = share(8, 20);
const photographs = existsSync(process.env.F2C_ORL_FACES ?? join(root, "../shared/data/orl-faces"));

describe.each([
  "test/fixtures/experiments/tiny.ts",
  "examples/quickstart.ts",
  "examples/orl-faces.ts",
  "examples/own-method.ts",
  "examples/dcq.ts",
  "examples/deep.ts",
])("%s", (example) => {
  test.skipIf(example.includes("orl") && !photographs)(
    `has the same losses on TorchScript and eager over ${STEPS} steps`,
    async () => {
      const source = shortened(example, STEPS);
      const script = await lossesOn("torchscript", source);
      const eager = await lossesOn("eager", source);
      expect(script).toHaveLength(STEPS);
      script.forEach((loss, i) => {
        expect(Math.abs(loss - eager[i]!)).toBeLessThanOrEqual(1e-6 * Math.abs(eager[i]!));
      });
    },
    240_000,
  );
});

/** The same experiment with its images laid out the other way: the same sums, in another order. */
function reordered(source: string): string {
  const text = readFileSync(source, "utf8");
  const layout = /\n {2}layout: .*(?=\n)/;
  const file = source.replace(/([^/]+)$/, "reordered-$1");
  writeFileSync(
    file,
    layout.test(text)
      ? text.replace(layout, "")
      : text.replace("\n  lr:", '\n  layout: "channels_last",\n  lr:'),
  );
  return file;
}

// Compiling one of the others takes minutes: F2C_LONG=1 runs them too. own-method.ts has a graph for each number of its loop's
// rounds, of which there are three, and three steps on which none is compiled.
describe.each([
  ["own-method.ts", 1e-5],
  ["quickstart.ts", 1e-5],
  ["dcq.ts", 1e-5],
  ["deep.ts", 1e-2], // bf16: Inductor rounds where a kernel ends, eager where an op does
] as const)("%s on Inductor", (example, tolerance) => {
  test.skipIf(example !== "own-method.ts" && !long)(
    "is no further from eager than eager is from itself with its sums in another order",
    async () => {
      const source = shortened(`examples/${example}`, 6);
      const eager = await lossesOn("eager", source);
      const other = await lossesOn("eager", reordered(source));
      const inductor = await lossesOn("inductor", source);
      expect(inductor).toHaveLength(6);
      // Before anything was trained on, and then within what rounding has grown to: batch normalisation multiplies it.
      expect(Math.abs(inductor[0]! - eager[0]!)).toBeLessThanOrEqual(tolerance * Math.abs(eager[0]!));
      let grown = 0;
      inductor.forEach((loss, i) => {
        grown = Math.max(grown, Math.abs(other[i]! - eager[i]!));
        expect(Math.abs(loss - eager[i]!), `step ${i}`).toBeLessThanOrEqual(
          10 * grown + tolerance * Math.abs(eager[i]!),
        );
      });
    },
    900_000,
  );
});
