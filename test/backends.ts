/**
 * @file `npm run backends` compares every example on TorchScript and on Inductor with eager: losses, gradients and all that is stored, over 20 steps of
 * each training in the precision that it declares, and over 4 in float64, in which convolutions are slow; it prints a table, and what is too far. Names of examples choose among them. `--on
 * torchscript` leaves Inductor out, whose compilation of a net takes minutes; `--keep FOLDER` keeps the recordings, and takes those that lie there, so that
 * other versions of torch (`F2C_PYTHON`) get the same steps. What is compared how, and what is too far, stands in `compare_recordings.py`.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Compared, compared, recorded } from "./recorded-examples.js";

const STEPS = 20;
/** Of example, training, backend, precision, steps, torch. */
const WIDTHS = [22, 13, 11, 4, 2, 6];
const root = fileURLToPath(new URL("../../", import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { on: { type: "string", multiple: true }, keep: { type: "string" } },
});
const backends = values.on ?? ["torchscript", "inductor"];
const examples = readdirSync(join(root, "examples"))
  .filter((file) => file.endsWith(".ts"))
  .filter((file) => positionals.length === 0 || positionals.includes(basename(file, ".ts")));

const distances = ({ loss, gradients, states }: Compared["step"]) =>
  [loss, gradients, states].map((distance) => distance.toExponential(0).padStart(6)).join(" ");

function line(found: Compared): string {
  const { example, training, backend, precision, steps, step, run, rounding, beyond, torch } = found;
  const of = [example.replace(/-\d+$/, ""), training, backend, precision, `${steps}`, torch.split("+")[0]!];
  const cells = [of.map((cell, i) => cell.padEnd(WIDTHS[i]!)).join(" ")];
  cells.push(distances(step), distances(run), distances(rounding.step), distances(rounding.run));
  return [cells.join(" | "), ...beyond.map((what) => `    too far: ${what}`)].join("\n");
}

const folder = values.keep ?? mkdtempSync(join(tmpdir(), "f2c-backends-"));
mkdirSync(folder, { recursive: true });
try {
  const columns = ["a step", "all steps", "rounding: a step", "all steps"].map((of) => of.padEnd(20));
  console.log(
    "Relative distances from eager of loss, gradients, states; and of eager from itself where it is rounded otherwise.",
  );
  console.log(["".padEnd(WIDTHS.reduce((sum, width) => sum + width + 1, -1)), ...columns].join(" | "));
  for (const file of examples)
    for (const way of [{}, { double: true, steps: 4 }]) {
      const recording = recorded(root, join("examples", file), folder, STEPS);
      const found = compared(root, [recording], backends, way);
      for (const one of found) console.log(line(one));
      if (found.some(({ beyond }) => beyond.length > 0)) process.exitCode = 1;
    }
} finally {
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}
