import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { alive, cli, hostsOf, hurried, metrics, start, tiny, unhurried } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-run-"));
const whole = join(folder, "whole");
const experiment = unhurried(folder);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const losses = (run: string) => metrics(run).map((m) => m.loss);
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

describe("a run of the tiny experiment", () => {
  beforeAll(async () => {
    const { code, err } = await cli(["run", experiment, "--run-dir", whole, "--threads", "1"], hurried);
    expect(err).not.toMatch(/error/);
    expect(code).toBe(0);
  });

  test("leaves a summary for programs with the fields that it promises", () => {
    const summary = json(join(whole, "summary.json"));
    expect(summary).toMatchObject({ steps: 24, interrupted: false });
    expect(summary.finalLoss).toBe(losses(whole).at(-1));
    const { trained, ...baselines } = summary.results.verification;
    const { accuracy, threshold, ...numbers } = trained.numbers;
    expect(numbers.pairs.value).toBe(12 * 3 * 2); // 3 genuine pairs a person, as many impostor pairs
    expect(numbers).toMatchObject({ genuine: { value: 36 }, impostor: { value: 36 } });
    expect(Math.abs(threshold.value)).toBeLessThanOrEqual(1);
    for (const key of ["value", "std"]) expect(accuracy[key]).toBeGreaterThanOrEqual(0);
    const rates = Object.keys(numbers).filter((name) => name.startsWith("TAR"));
    expect(rates).toEqual(["TAR at FAR 0.1", "TAR at FAR 0.01", "TAR at FAR 0.001"]);
    expect(numbers["TAR at FAR 0.001"].value).toBeNull(); // finer than one of 36 impostor pairs
    for (const key of ["untrained", "rawPixels"])
      expect(baselines[key].numbers.accuracy.value).toBeGreaterThan(0.4);
    const { imagesPerSecond, stepMilliseconds } = summary.throughput;
    expect(Object.keys(imagesPerSecond)).toEqual(["x", "y"]);
    for (const value of [stepMilliseconds, ...Object.values(imagesPerSecond)])
      expect(value).toBeGreaterThan(0);
    expect(summary.irHash).toMatch(/^[0-9a-f]{16}$/);
  });

  test("logs every step once, in order, with the policies that were in force", () => {
    const log = metrics(whole);
    expect(log.map((m) => m.step)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    for (const m of log) {
      expect(m.ema).toBeCloseTo(0.9 + 0.05 * Math.sin(m.step!), 12);
      expect(m.lr).toBe(m.step! < 20 ? 0.05 : 0.05 * 0.1); // 160 images, 8 a step
    }
  });

  test("keeps the source, the program, the net, the ROC and two checkpoints", () => {
    expect(readFileSync(join(whole, "source/unhurried.ts"), "utf8")).toBe(readFileSync(experiment, "utf8"));
    for (const file of ["ir.txt", "ir.json", "config.json", "net.pt", "net.safetensors", "roc.svg"])
      expect(existsSync(join(whole, file))).toBe(true);
    expect(readdirSync(join(whole, "checkpoints")).sort()).toEqual(["step-00000016", "step-00000024"]);
  });

  test("exports a net that plain torch loads without this package", () => {
    const code = `
import sys, torch
assert not any("f2c" in name for name in sys.modules)
net = torch.jit.load(sys.argv[1])
out = net(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))
print(tuple(out.shape), round(float(out.norm(dim=1)[0]), 5), "0.weight" in net.state_dict())`;
    const { stdout } = spawnSync(requirePython(), ["-W", "ignore", "-c", code, join(whole, "net.pt")], {
      encoding: "utf8",
    });
    expect(stdout.trim()).toBe("(2, 32) 1.0 True");
  });

  test("is the same again, number by number", async () => {
    const again = join(folder, "again");
    await cli(["run", experiment, "--run-dir", again, "--threads", "1", "--steps", "10"], hurried);
    expect(losses(again)).toEqual(losses(whole).slice(0, 10));
  });

  test("is refused a folder that holds a run", async () => {
    const { code, err } = await cli(["run", experiment, "--run-dir", whole]);
    expect(code).toBe(1);
    expect(err).toContain("F2C6401");
    expect(err).toContain("--resume");
  });

  test("resumes after Ctrl-C with bit-identical losses, and leaves no host behind", async () => {
    const cut = join(folder, "cut");
    const running = start(["run", experiment, "--run-dir", cut, "--threads", "1"]);
    await running.until(/before training/);
    while (metrics(cut).length < 3) await new Promise((r) => setTimeout(r, 20));
    const hosts = hostsOf(running.child.pid!);
    running.child.kill("SIGINT");
    const { code, out } = await running.finished;
    expect(code).toBe(130);
    expect(out).toContain("--resume");
    expect(hosts.length).toBeGreaterThan(0);
    expect(hosts.filter(alive)).toEqual([]);
    const done = metrics(cut).length;
    expect(done).toBeLessThan(24);
    expect(json(join(cut, "summary.json"))).toMatchObject({ interrupted: true, steps: done });
    expect(
      (await cli(["run", experiment, "--run-dir", cut, "--resume", "--threads", "1"], hurried)).code,
    ).toBe(0);
    expect(losses(cut)).toEqual(losses(whole));
  });

  test("starts a killed host again from the last checkpoint, and ends as if nothing had happened", async () => {
    const hurt = join(folder, "hurt");
    const running = start(["run", experiment, "--run-dir", hurt, "--threads", "1"]);
    await running.until(/before training/);
    while (metrics(hurt).length < 11) await new Promise((r) => setTimeout(r, 10));
    for (const pid of hostsOf(running.child.pid!)) process.kill(pid, "SIGKILL");
    const { code, err } = await running.finished;
    expect(err).toContain("SIGKILL");
    expect(code).toBe(0);
    expect(losses(hurt)).toEqual(losses(whole));
  });

  test("says how its host died where it may not start another, and keeps the checkpoint", async () => {
    const dead = join(folder, "dead");
    const running = start(["run", experiment, "--run-dir", dead, "--threads", "1", "--restarts", "0"]);
    await running.until(/before training/);
    while (metrics(dead).length < 11) await new Promise((r) => setTimeout(r, 10));
    for (const pid of hostsOf(running.child.pid!)) process.kill(pid, "SIGKILL");
    const { code, err } = await running.finished;
    expect(code).toBe(3);
    expect(err).toContain("F2C6006");
    // The newest checkpoint is damaged; the run goes on from the one before, or from the same if there is one only.
    const resumed = await cli(["run", experiment, "--run-dir", dead, "--resume", "--threads", "1"], hurried);
    expect(resumed.code).toBe(0);
    expect(losses(dead)).toEqual(losses(whole));
  });

  test("skips a checkpoint that is not whole", async () => {
    truncateSync(join(whole, "checkpoints/step-00000024/planner.safetensors"), 20);
    const { code, err } = await cli(
      ["run", experiment, "--run-dir", whole, "--resume", "--threads", "1"],
      hurried,
    );
    expect(err).toMatch(/skipping.*step-00000024/);
    expect(err).toContain("resuming at step 16");
    expect(code).toBe(0);
    expect(metrics(whole)).toHaveLength(24);
  });

  test("refuses to resume another experiment", async () => {
    const other = join(mkdtempSync(join(folder, "other-")), "unhurried.ts");
    writeFileSync(other, readFileSync(experiment, "utf8").replace("margin: 0.2", "margin: 0.3"));
    const { code, err } = await cli(["run", other, "--run-dir", whole, "--resume"]);
    expect(code).toBe(1);
    expect(err).toContain("F2C6403");
  });

  test("kills its host when it is itself killed", async () => {
    const running = start(["run", experiment, "--run-dir", join(folder, "killed")]);
    await running.until(/before training/);
    const hosts = hostsOf(running.child.pid!);
    running.child.kill("SIGKILL");
    await running.finished;
    for (let i = 0; i < 100 && hosts.some(alive); i++) await new Promise((r) => setTimeout(r, 50));
    expect(hosts.filter(alive)).toEqual([]);
  });
});

test("a host that replays a recording ends where the run did", async () => {
  const record = join(folder, "session.f2c");
  const run = join(folder, "recorded");
  await cli(["run", tiny, "--run-dir", run, "--threads", "1", "--record", record, "--steps", "6"]);
  const { stdout } = spawnSync(requirePython(), ["-m", "f2c_host", "replay", record], { encoding: "utf8" });
  const steps = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((line) => line.metrics);
  expect(steps.map((s) => s.metrics.loss)).toEqual(losses(run));
});
