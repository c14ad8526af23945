/** @file What a step takes: on each backend against a hand-written loop, driven against replayed, and by the passes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { f2c, python, root } from "./command.js";
import { median, row } from "./table.js";

/** Steps left out of every count: kernels are chosen, and every image is drawn once and kept from then on. */
const WARM_UP = 10;

/**
 * The quickstart on so few images that all are in the cache when counting begins: the peer draws none, so neither may we.
 * Without its layout, which the peer does not have either.
 */
function settledQuickstart(folder: string, name: string, options = ""): string {
  const source = join(folder, name);
  const text = readFileSync(join(root, "examples/quickstart.ts"), "utf8")
    .replace(/\n {2}(evaluate|layout):.*(?=\n)/g, "")
    .replace("identities: 500, imagesPerIdentity: zipf(12)", "identities: 60, imagesPerIdentity: zipf(4)")
    .replace("capacity: 0.5", "capacity: 250")
    .replace("epochs: 2,", `steps: 1000,${options}`);
  writeFileSync(source, text);
  return source;
}

interface Step {
  readonly seconds: number;
  readonly wait: number;
  readonly elapsed: number;
}

const stepsOf = (lines: string): Step[] =>
  lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((m) => "loss" in m || "metrics" in m);
const steady = (steps: readonly Step[]) => median(steps.slice(WARM_UP).map((s) => s.seconds + s.wait));
/** By the clock on the wall, from the end of the first steps to that of the last. */
const wall = (steps: readonly Step[]) => steps.at(-1)!.elapsed - steps[WARM_UP]!.elapsed;

function train(folder: string, source: string, name: string, args: readonly string[]): Step[] {
  const run = join(folder, name);
  f2c(["run", source, "--run-dir", run, ...args]);
  return stepsOf(readFileSync(join(run, "metrics.jsonl"), "utf8"));
}

const against = (s: number, peer: number) =>
  `${(1000 * s).toFixed(0)} ms against ${(1000 * peer).toFixed(0)} ms`;

/** The compiled step on every backend, against a hand-written loop of the same net and method. */
export function backends(folder: string, steps: number): void {
  const source = settledQuickstart(folder, "backends.ts");
  const peer = Number(python([join(root, "bench/plain_pytorch.py"), String(steps - WARM_UP)]).out.trim());
  for (const backend of ["torchscript", "eager", "inductor"]) {
    const s = steady(train(folder, source, backend, ["--backend", backend, "--steps", String(steps)]));
    row(`a step, ${backend} / hand-written PyTorch loop`, (s / peer).toFixed(3), against(s, peer));
  }
}

/** Options that change how a step is computed, against the step without them, on TorchScript. */
export function passes(folder: string, steps: number): void {
  const time = (name: string, options: string) =>
    steady(train(folder, settledQuickstart(folder, `${name}.ts`, options), name, ["--steps", String(steps)]));
  const plain = time("plain", "");
  for (const [name, options] of [
    ["channels-last", ' layout: "channels_last",'],
    ["bf16", ' precision: "bf16",'],
  ] as const) {
    const s = time(name, options);
    row(`a step, ${name} / without`, (s / plain).toFixed(3), against(s, plain));
  }
}

/** Driven by TypeScript, against the same session replayed by the host alone; wall clock over the same steps. */
export function bridge(folder: string, steps: number): void {
  const record = join(folder, "session.f2c");
  const source = settledQuickstart(folder, "bridge.ts");
  const ratios = [0, 1, 2].map((i) => {
    const driven = train(folder, source, `driven-${i}`, ["--steps", String(steps), "--record", record]);
    const replayed = stepsOf(python(["-m", "f2c_host", "replay", record]).out);
    return wall(driven) / wall(replayed);
  });
  row(
    `driven by TypeScript / replayed by the host, ${steps} steps`,
    median(ratios).toFixed(3),
    `asked for: under 1.02; runs ${ratios.map((r) => r.toFixed(3)).join(", ")}`,
  );
}
