/** @file Runs the built command as a user does. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const root = new URL("../../", import.meta.url).pathname;
export const tiny = join(root, "test/fixtures/experiments/tiny.ts");
const STEP_MS = 80;

/** As the environment of a command: its steps of the unhurried experiment are planned as fast as others. */
export const hurried: NodeJS.ProcessEnv = { F2C_TESTS_HURRIED: "1" };

/** The tiny experiment with steps that are planned slowly, so that a test can strike between two of them; a file in a folder. */
export function unhurried(folder: string): string {
  const file = join(folder, "unhurried.ts");
  const milliseconds = `(globalThis as any).process.env.F2C_TESTS_HURRIED ? 0 : ${STEP_MS}`;
  const wait = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${milliseconds})`;
  const text = readFileSync(tiny, "utf8").replace(
    /ema: \(at\) => (.*),\n/,
    (_, value) => `ema: (at) => (${wait}, ${value}),\n`,
  );
  writeFileSync(file, text);
  return file;
}

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves when stderr has said `pattern`. */
  until(pattern: RegExp): Promise<void>;
}

export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [join(root, "dist/runtime/cli/main.js"), ...args], {
    env: {
      ...process.env,
      NO_COLOR: "1",
      F2C_NO_CACHE: "",
      XDG_CACHE_HOME: process.env.F2C_TESTS_CACHE,
      ...env,
    },
  });
  let [out, err] = ["", ""];
  const waiting: { pattern: RegExp; resolve: () => void }[] = [];
  child.stdout.on("data", (data: Buffer) => {
    out += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    err += data.toString();
    for (const { pattern, resolve } of waiting) if (pattern.test(err)) resolve();
  });
  const finished = new Promise<Finished>((resolve) =>
    child.on("close", (code) => resolve({ code, out, err })),
  );
  return {
    child,
    finished,
    until: (pattern) =>
      Promise.race([
        new Promise<void>((resolve) => (pattern.test(err) ? resolve() : waiting.push({ pattern, resolve }))),
        finished.then(({ err }) => {
          throw new Error(`ended before it said ${pattern}:\n${err}`);
        }),
      ]),
  };
}

export const cli = (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> =>
  start(args, env).finished;

/** The training steps of a run, by step. */
export function metrics(folder: string): Record<string, number>[] {
  const file = join(folder, "metrics.jsonl");
  if (!existsSync(file)) return [];
  // What stands behind the last line feed is still being written.
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .filter((entry) => "loss" in entry);
}

/** The folder of a stage below a study's root, called after the stage and a hash; none before the stage has begun. */
export function stageFolder(study: string, stage: string): string | undefined {
  const names = existsSync(study) ? readdirSync(study) : [];
  const name = names.find((entry) => entry.startsWith(`${stage}-`));
  return name && join(study, name);
}

/** Whether a process still runs. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2] !== "Z";
  } catch {
    return false;
  }
}

/** Hosts that were started by `parent`. */
export function hostsOf(parent: number): number[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8").trim();
  return children === "" ? [] : children.split(" ").map(Number);
}
