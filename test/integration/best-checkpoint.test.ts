/** The best checkpoint of real runs: of one that broke off the same bytes as of one that did not, and the net that is exported of it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { hashOf } from "#runtime/run/files";
import { cli, tiny } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-best-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const experiment = join(home, "tiny.ts");
writeFileSync(
  experiment,
  readFileSync(tiny, "utf8")
    .replace('pairs: "held-out"', 'pairs: "held-out", every: steps(2)')
    .replace("  lr:", '  keepBest: "verification.accuracy",\n  lr:'),
);
const runTo = async (steps: number, folder: string, ...more: string[]) => {
  const given = ["run", experiment, "--run-dir", folder, "--threads", "1", "--steps", String(steps), ...more];
  const { code, err, out } = await cli(given);
  expect(code, err).toBe(0);
  return { err, out };
};

/** The best checkpoint in a run's folder: its step, by what it is the best, and a hash of its tensors. */
function bestIn(run: string) {
  const folder = join(run, "checkpoints", "best");
  const [name] = readdirSync(folder).sort().reverse() as [string];
  const by = JSON.parse(readFileSync(join(folder, name, "best.json"), "utf8"));
  return { name, by, tensors: hashOf(join(folder, name, "state.safetensors")).sha256 };
}

test("a run that broke off keeps the best checkpoint of one that did not, and its net is exported", async () => {
  const [whole, broken] = [join(home, "whole"), join(home, "broken")];
  const { out, err } = await runTo(12, whole);
  const values = [...err.matchAll(/step (\d+): verification: accuracy ([\d.]+) %/g)].map(
    ([, step, value]) => [Number(value), Number(step)] as const,
  );
  expect(values.length).toBe(6);
  const [, step] = values.reduce((best, next) => (next[0] > best[0] ? next : best));
  expect(out).toContain(`best by verification.accuracy  step ${step} (checkpoints/best)`);
  expect(bestIn(whole).name).toBe(`step-${String(step).padStart(8, "0")}`);

  await runTo(7, broken);
  await runTo(12, broken, "--resume");
  expect(bestIn(broken)).toEqual(bestIn(whole));

  const json = join(home, "scores.json");
  const given = ["--protocol", experiment, "--checkpoint", "best", "--threads", "1", "--json", json];
  const scored = await cli(["eval", whole, ...given]);
  expect(scored.code, scored.err).toBe(0);
  const { evaluations } = JSON.parse(readFileSync(json, "utf8"));
  expect(evaluations.verification.numbers.accuracy.value).toBe(bestIn(whole).by.value);

  const exported = await cli(["export", whole, "--to", "safetensors", "--checkpoint", "best"]);
  expect(exported.err).toBe("");
  expect(exported.out).toContain(`net-best.safetensors: the net before step ${step}`);
  const same = spawnSync(
    requirePython(),
    [
      "-c",
      `
import sys
from safetensors.torch import load_file
net, state = load_file(sys.argv[1]), load_file(sys.argv[2])
print(len(net), all((state["gallery." + name] == value).all() or (state["probe." + name] == value).all() for name, value in net.items()))`,
      join(whole, "net-best.safetensors"),
      join(whole, "checkpoints", "best", bestIn(whole).name, "state.safetensors"),
    ],
    { encoding: "utf8" },
  );
  expect(same.stdout, same.stderr).toMatch(/^[1-9]\d* True/);
}, 300_000);

test("a run without one says so when it is asked for, and `--checkpoint` takes nothing else", async () => {
  const run = join(home, "whole");
  const none = mkdtempSync(join(home, "none-"));
  for (const file of ["config.json", "ir.json"])
    writeFileSync(join(none, file), readFileSync(join(run, file)));
  const missing = await cli(["export", none, "--checkpoint", "best"]);
  expect(missing.err).toMatch(/F2C6408.*it keeps no best checkpoint/);
  const odd = await cli(["export", run, "--checkpoint", "newest"]);
  expect(odd.err).toMatch(/F2C1108.*--checkpoint newest is neither the step of a checkpoint nor `best`/);
});
