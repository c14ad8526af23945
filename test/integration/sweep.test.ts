/** A sweep: a run for each combination of values, one that fails among them; called again, it goes on. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cli, type Finished, metrics, root } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-sweep-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const experiment = join(root, "test/fixtures/experiments/options.ts");
const dir = join(home, "runs");
const sweep = [
  "sweep",
  experiment,
  "--set",
  "people=2,40",
  "--set",
  "lr=0.02,0.05",
  "--dir",
  dir,
  "--threads",
  "1",
];
const run = (lr: number) => join(dir, `people=40,lr=${lr}`);
const config = (lr: number) => JSON.parse(readFileSync(join(run(lr), "config.json"), "utf8"));

let first: Finished;
beforeAll(async () => {
  first = await cli(sweep);
}, 300_000);

test("runs what can be run, says what failed, and compares the runs", () => {
  expect(first.code, first.err).toBe(1);
  expect(first.err).toMatch(/error F2C\d{4}/); // 2 people are too few for the loader
  for (const lr of [0.02, 0.05]) {
    expect(metrics(run(lr)).map((m) => m.lr)).toEqual([lr, lr, lr, lr]);
    expect(first.out).toContain(`failed: `);
  }
  expect(first.out.match(/^failed: .*people=2,lr=0.0[25]$/gm)).toHaveLength(2);
  expect(first.out).toMatch(/^final loss +\d/m);
  expect(first.out).toMatch(/^options\.lr +0\.02 +0\.05$/m);
});

test("writes down what decided each run", () => {
  const { options, set, starts, seed, threads } = config(0.02);
  expect(options).toMatchObject({ lr: 0.02, people: 40, embedding: 16, note: "plain" });
  expect([set, seed, threads]).toEqual([{ people: "40", lr: "0.02" }, 0, 1]);
  expect(starts).toHaveLength(1);
  expect(starts[0]).toMatchObject({
    command: expect.arrayContaining(["run", experiment, "--set", "lr=0.02"]),
    versions: {
      node: process.version,
      python: expect.stringMatching(/^3\./),
      torch: expect.stringMatching(/^2\./),
    },
    machine: { cpu: expect.any(String), cores: expect.any(Number), gpus: [] },
    git: { commit: expect.stringMatching(/^[0-9a-f]{40}$/), dirty: expect.any(Boolean) },
  });
});

test("called again, goes on where it stopped: what is done is not done again", async () => {
  const before = readFileSync(join(run(0.05), "metrics.jsonl"), "utf8");
  rmSync(join(run(0.02), "summary.json"));
  const { code, out } = await cli(sweep);
  expect(code).toBe(1);
  expect(out).toMatch(/people=40,lr=0\.05 is done already/);
  expect(out).not.toMatch(/people=40,lr=0\.02 is done already/);
  expect(existsSync(join(run(0.02), "summary.json"))).toBe(true);
  expect(config(0.02).starts).toHaveLength(2);
  expect(readFileSync(join(run(0.05), "metrics.jsonl"), "utf8")).toBe(before);
}, 300_000);

test("lists its runs without starting one", async () => {
  const elsewhere = join(home, "elsewhere");
  const { code, out } = await cli([...sweep, "--dir", elsewhere, "--dry-run"]);
  expect(code).toBe(0);
  expect(out.trim().split("\n")).toHaveLength(4);
  expect(out).toMatch(/people=40,lr=0\.05: new\n$/);
  expect(existsSync(elsewhere)).toBe(false);
  const wrong = await cli(["sweep", experiment, "--set", "lr=0.02,fast", "--dir", elsewhere]);
  expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("`lr` is a number")]);
  expect((await cli(["sweep", experiment])).code).toBe(2);
  expect(readdirSync(home)).toEqual(["runs"]);
});

test("a run that was begun with options goes on with them, and is no other run", async () => {
  const resumed = await cli(["run", experiment, "--run-dir", run(0.02), "--resume", "--threads", "1"]);
  expect(resumed.code, resumed.err).toBe(0);
  expect(resumed.err).not.toContain("changed since");
  expect(config(0.02).options.lr).toBe(0.02);
  const other = await cli(["run", experiment, "--run-dir", run(0.02), "--resume", "--set", "embedding=32"]);
  expect(other.code).toBe(1);
  expect(other.err).toMatch(/F2C6403.*options\.embedding was 16 and is 32/);
}, 120_000);
