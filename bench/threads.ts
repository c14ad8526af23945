/** @file What a step takes while other processes want the cores too. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { f2c, root } from "./command.js";
import { median, row } from "./table.js";

/** Steps left out: kernels are chosen, and most images are drawn. */
const WARM_UP = 3;

/** How threads wait: as the host has it, alone on one core, and as OpenMP's default has it. */
const WAYS = {
  default: { args: [], env: {} },
  "one thread": { args: ["--threads", "1"], env: {} },
  "OpenMP's way": { args: [], env: { GOMP_SPINCOUNT: "30000000000" } },
} as const;
type Way = keyof typeof WAYS;

/** Processes that do nothing but compute, each in a session of its own, as another user's would be; they end with this one. */
const busy = (count: number): ChildProcess[] =>
  Array.from({ length: count }, () =>
    spawn(process.execPath, ["-e", "for (const parent = process.ppid; process.ppid === parent; );"], {
      detached: true,
      stdio: "ignore",
    }),
  );

function step(folder: string, way: Way, steps: number, number: number): number {
  const run = join(folder, `threads-${number}`);
  const { args, env } = WAYS[way];
  f2c(
    [
      "run",
      join(root, "examples/quickstart.ts"),
      "--run-dir",
      run,
      "--steps",
      String(steps + WARM_UP),
      ...args,
    ],
    env,
  );
  const seconds = readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((entry) => "loss" in entry)
    .map((entry) => entry.seconds as number);
  return median(seconds.slice(WARM_UP));
}

export function threads(folder: string, steps: number): void {
  let number = 0;
  for (const others of [0, 2, 4, 8]) {
    const ways: Way[] = others === 0 ? ["default", "OpenMP's way"] : ["default", "one thread"];
    const company = busy(others);
    try {
      // Interleaved, since what else the machine does changes.
      const rounds = [0, 1, 2].map(() => ways.map((way) => step(folder, way, steps, number++)));
      const [mine, theirs] = ways.map((_, i) => median(rounds.map((round) => round[i]!)));
      row(
        `a step beside ${others} busy processes, default / ${ways[1]}`,
        (mine! / theirs!).toFixed(2),
        `${(1000 * mine!).toFixed(0)} ms against ${(1000 * theirs!).toFixed(0)} ms`,
      );
    } finally {
      for (const process of company) process.kill("SIGKILL");
    }
  }
}
