/**
 * @file `npm run frozen -- write FOLDER` writes the IR of every example, and the metrics of its first steps to the last bit.
 * `npm run frozen -- against FOLDER` shows what differs since. For changes that must change nothing: write before, compare
 * after, on the same machine, since sums depend on the processor.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTwoFilesPatch } from "diff";

const STEPS = 4;
const root = fileURLToPath(new URL("../../", import.meta.url));
const cli = join(root, "dist/runtime/cli/main.js");

function f2c(args: readonly string[]): string {
  const done = spawnSync(process.execPath, [cli, ...args], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (done.status !== 0) throw new Error(`f2c-dsl ${args.join(" ")}\n${done.stderr}`);
  return done.stdout;
}

/** The metrics of each step without its time. Both numbers and names are as they were written. */
function metrics(example: string): string {
  const folder = mkdtempSync(join(tmpdir(), "f2c-frozen-"));
  try {
    f2c(["run", example, "--run-dir", folder, "--steps", `${STEPS}`, "--threads", "1", "--device", "cpu"]);
    const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n");
    return lines.map((line) => `${line.replace(/,?"(seconds|wait|elapsed)":[^,}]*/g, "")}\n`).join("");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [what, folder] = process.argv.slice(2);
if (!["write", "against"].includes(what ?? "") || folder === undefined)
  throw new Error("usage: npm run frozen -- write|against FOLDER");
mkdirSync(folder, { recursive: true });
/** A study is many programs; those of its stages are experiments, of which there are enough. */
const isExperiment = (name: string) =>
  name.endsWith(".ts") && !/export default study\(/.test(readFileSync(join(root, "examples", name), "utf8"));
let differences = 0;
for (const file of readdirSync(join(root, "examples")).filter(isExperiment)) {
  const example = join("examples", file);
  const made: Readonly<Record<string, () => string>> = {
    "lowered.ir": () => f2c(["ir", example, "--stage", "lowered"]),
    ir: () => f2c(["ir", example]),
    "metrics.jsonl": () => metrics(example),
  };
  for (const [kind, make] of Object.entries(made)) {
    const name = `${basename(file, ".ts")}.${kind}`;
    const path = join(folder, name);
    const text = make();
    if (what === "write" || !existsSync(path)) {
      writeFileSync(path, text);
      process.stdout.write(`wrote ${name}\n`);
      continue;
    }
    const before = readFileSync(path, "utf8");
    if (before === text) process.stdout.write(`equal ${name}\n`);
    else {
      differences += 1;
      process.stdout.write(createTwoFilesPatch(`${name} before`, name, before, text, "", "", { context: 1 }));
    }
  }
}
process.stdout.write(`${differences} of them differ\n`);
process.exitCode = differences > 0 ? 1 : 0;
