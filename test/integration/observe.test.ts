import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { cli, hostsOf, metrics, start, tiny, unhurried } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-observe-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What TensorBoard's own reader reads. */
function tensorboard(run: string, tag: string): [step: number, value: number][] {
  const script = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0}).Reload()
print(json.dumps([(event.step, event.value) for event in events.Scalars(sys.argv[2])]))`;
  const { stdout, stderr } = spawnSync(requirePython(), ["-I", "-c", script, join(run, "tensorboard"), tag], {
    encoding: "utf8",
  });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

/** As event files hold it: 32 bits. */
const losses = (run: string) => metrics(run).map(({ step, loss }) => [step, Math.fround(loss!)]);
const log = (run: string) => readFileSync(join(run, "run.log"), "utf8");

test("a run that is stopped and goes on stands in TensorBoard with each of its steps, once", async () => {
  const run = join(home, "stopped");
  const options = ["--run-dir", run, "--threads", "1", "--observe", "tensorboard"];
  const experiment = unhurried(home);
  const first = start(["run", experiment, ...options]);
  const lines = () =>
    existsSync(join(run, "metrics.jsonl")) ? readFileSync(join(run, "metrics.jsonl"), "utf8") : "";
  while (lines().split("\n").length <= 3) await new Promise((resolve) => setTimeout(resolve, 50));
  first.child.kill("SIGINT");
  expect((await first.finished).code).toBe(130);
  const stoppedAt = losses(run).length;
  expect(tensorboard(run, "train/loss")).toEqual(losses(run));
  const { code, err } = await cli(["run", experiment, ...options, "--resume"]);
  expect(err).not.toMatch(/error|does not follow/);
  expect(code).toBe(0);
  expect(losses(run).length).toBe(24);
  expect(stoppedAt).toBeLessThan(24);
  expect(tensorboard(run, "train/loss")).toEqual(losses(run));
  const { trained } = JSON.parse(readFileSync(join(run, "summary.json"), "utf8")).results.verification;
  expect(tensorboard(run, "verification/accuracy").at(-1)).toEqual([
    23,
    Math.fround(trained.numbers.accuracy.value),
  ]);
}, 180_000);

test("a run whose follower is killed goes on to its end, and says so", async () => {
  const run = join(home, "killed");
  const command = start([
    "run",
    unhurried(home),
    "--run-dir",
    run,
    "--threads",
    "1",
    "--observe",
    "tensorboard",
  ]);
  await command.until(/tensorboard: tensorboard --logdir/);
  const follower = hostsOf(command.child.pid!).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("follow"),
  );
  process.kill(follower!, "SIGKILL");
  expect((await command.finished).code).toBe(0);
  expect(log(run)).toContain("tensorboard does not follow the run any more: it was ended by SIGKILL");
  expect(losses(run).length).toBe(24);
});

test("both are compared, in a table and a figure; what is no run is refused, and what is no picture", async () => {
  const [first, second] = [join(home, "stopped"), join(home, "killed")];
  const picture = join(home, "curves.png");
  const { code, out, err } = await cli(["compare", first, second, "--out", picture]);
  expect([code, err]).toEqual([0, ""]);
  expect(out.split("\n")[0]).toMatch(/^ +stopped +killed$/);
  expect(out).toMatch(/\nsteps +24 +24\n/);
  expect(readFileSync(picture).subarray(1, 4).toString()).toBe("PNG");
  expect((await cli(["compare", first, home, "--out", picture])).err).toContain("F2C6421");
  expect((await cli(["compare", first, "--out", join(home, "curves.pdf")])).code).toBe(2);
});

test("what nobody can follow is refused before there is a folder", async () => {
  const run = join(home, "none");
  const { code, err } = await cli(["run", tiny, "--run-dir", run, "--observe", "tensorbord"]);
  expect(code).toBe(2);
  expect(err).toContain("choose among tensorboard, wandb, mlflow");
});
