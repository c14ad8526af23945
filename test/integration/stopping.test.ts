import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { alive, cli, hostsOf, hurried, metrics, start, unhurried } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-stopping-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const losses = (run: string) => metrics(run).map((m) => m.loss);
const experiment = unhurried(folder);
const args = (run: string, ...more: string[]) => [
  "run",
  experiment,
  "--run-dir",
  run,
  "--threads",
  "1",
  ...more,
];
/** Waits until so many steps are logged. */
const steps = async (run: string, count: number) => {
  while (metrics(run).length < count) await new Promise((resolve) => setTimeout(resolve, 10));
};

describe("a run that is stopped", { timeout: 300_000 }, () => {
  const whole = join(folder, "whole");
  beforeAll(async () => {
    expect((await cli(args(whole), hurried)).code).toBe(0);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "by %s before its host is there ends at once, and leaves nothing behind",
    async (signal) => {
      const python = join(folder, `sleeping-${signal}`);
      writeFileSync(python, "#!/bin/sh\nexec sleep 1000\n");
      chmodSync(python, 0o755);
      const run = join(folder, `early-${signal}`);
      const running = start(args(run), { F2C_PYTHON: python });
      await running.until(/24 steps/);
      const hosts = hostsOf(running.child.pid!);
      running.child.kill(signal);
      const { code, err } = await running.finished;
      expect(code).toBe(130);
      expect(err).toContain(`${signal}: ended while preparing the run`);
      expect(err).toContain("it holds no checkpoint yet: --resume begins anew in it");
      expect(hosts.length).toBeGreaterThan(0);
      expect(hosts.filter(alive)).toEqual([]);
      expect(existsSync(join(run, ".lock"))).toBe(false);
    },
  );

  test("before its first checkpoint begins anew when it is resumed, and is then the same", async () => {
    const run = join(folder, "killed");
    const running = start(args(run));
    await steps(run, 4);
    running.child.kill("SIGKILL");
    await running.finished;
    expect(readdirSync(join(run, "checkpoints")).filter((name) => name.startsWith("step-"))).toEqual([]);
    const { code, err } = await cli(args(run, "--resume"), hurried);
    expect(code, err).toBe(0);
    expect(err).toContain("begins anew");
    expect(losses(run)).toEqual(losses(whole));
  });

  test("as a scheduler does it, by SIGTERM to each of its processes, saves and continues", async () => {
    const run = join(folder, "preempted");
    const running = start(args(run));
    await steps(run, 10);
    for (const pid of [...hostsOf(running.child.pid!), running.child.pid!]) process.kill(pid, "SIGTERM");
    const { code, out } = await running.finished;
    expect(code).toBe(130);
    expect(out).toContain("--resume");
    expect((await cli(args(run, "--resume"), hurried)).code).toBe(0);
    expect(losses(run)).toEqual(losses(whole));
  });

  test("in one folder by one process at a time", async () => {
    const run = join(folder, "shared");
    const running = start(args(run));
    await steps(run, 1);
    const second = await cli(args(run, "--resume"), hurried);
    expect(second.code).toBe(1);
    expect(second.err).toContain("F2C6406");
    expect(second.err).toContain(`process ${running.child.pid} works in`);
    expect((await running.finished).code).toBe(0);
    expect(losses(run)).toEqual(losses(whole));
  });

  test("when nobody reads what it says goes on, and its folder keeps it", async () => {
    const run = join(folder, "unheard");
    const running = start(args(run));
    await steps(run, 1);
    running.child.stderr!.destroy();
    running.child.stdout!.destroy();
    expect((await running.finished).code).toBe(0);
    expect(losses(run)).toEqual(losses(whole));
    expect(readFileSync(join(run, "run.log"), "utf8")).toMatch(/step 24: verification/);
  });

  test("with force: the step is interrupted, the exit code is that of a stop, and the run goes on", async () => {
    const run = join(folder, "forced");
    const running = start(args(run));
    await steps(run, 4);
    const [host] = hostsOf(running.child.pid!);
    process.kill(host!, "SIGSTOP"); // in the middle of a step: what is sent to it comes all at once
    running.child.kill("SIGINT");
    await running.until(/SIGINT: finishing/);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 500)); // sooner, it would be the same Ctrl-C
    await pause();
    running.child.kill("SIGINT");
    await pause();
    process.kill(host!, "SIGCONT");
    const { code, out, err } = await running.finished;
    expect(code, err).toBe(130);
    expect(out).toContain(`--resume --run-dir ${run}`);
    const again = await cli(args(run, "--resume"), hurried);
    expect(again.code, again.err).toBe(0);
    expect(losses(run)).toEqual(losses(whole));
  });

  test("not by a host that no longer answers: that is killed, and another one goes on", async () => {
    const run = join(folder, "frozen");
    const running = start(args(run, "--patience", "3", "--restarts", "50"));
    await steps(run, 10);
    const [host] = hostsOf(running.child.pid!);
    process.kill(host!, "SIGSTOP");
    const { code, err } = await running.finished;
    expect(code).toBe(0);
    expect(err).toMatch(/gave no sign of life for 3 s and was killed/);
    expect(alive(host!)).toBe(false);
    expect(losses(run)).toEqual(losses(whole));
  });
});
