/** @file A run of the built command as a process, with hooks inside that say where it is. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isHost, pause, processesOf, send } from "./processes.js";

export const root = fileURLToPath(new URL("../../../", import.meta.url));
const cli = join(root, "dist/runtime/cli/main.js");
const inside = join(root, "test/chaos/inside");
export const experiment = join(root, "test/fixtures/experiments/chaos.ts");

export interface JobOptions {
  /** A folder for this job alone, by which it talks with the hooks, and which marks its processes. */
  readonly control: string;
  readonly runFolder: string;
  /** Where a run keeps what it compiled. */
  readonly cache: string;
  readonly arguments?: readonly string[];
  /** The place to wait at, or `trace`. Without it there are no hooks. */
  readonly place?: string | undefined;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running `f2c-dsl run`. */
export class Job {
  readonly driver: ChildProcess;
  readonly ended: Promise<Ended>;
  out = "";
  err = "";

  constructor(readonly options: JobOptions) {
    const { control, runFolder, cache, place } = options;
    mkdirSync(control, { recursive: true });
    const hooks = place !== undefined && {
      F2C_CHAOS_PLACE: place,
      F2C_CHAOS_RUN: runFolder,
      NODE_OPTIONS: `--import=${pathToFileURL(join(inside, "driver.mjs"))}`,
      PYTHONPATH: [inside, process.env.PYTHONPATH].filter(Boolean).join(":"),
    };
    const { F2C_NO_CACHE: _, ...env } = process.env;
    this.driver = spawn(
      process.execPath,
      [cli, "run", experiment, "--run-dir", runFolder, "--threads", "1", ...(options.arguments ?? [])],
      {
        env: { ...env, NO_COLOR: "1", XDG_CACHE_HOME: cache, F2C_CHAOS: control, ...hooks },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.driver.stdout!.on("data", (data: Buffer) => {
      this.out += data;
    });
    this.driver.stderr!.on("data", (data: Buffer) => {
      this.err += data;
    });
    this.ended = new Promise((resolve) => {
      // `close` waits for the output's end, which a host that was left over would hold open.
      this.driver.on("exit", (code, signal) => setTimeout(() => resolve({ code, signal }), 1000));
      this.driver.on("close", (code, signal) => resolve({ code, signal }));
    });
  }

  /** Resolves when a hook waits at the chosen place; false if the run ends before. */
  async here(): Promise<boolean> {
    let over = false;
    void this.ended.then(() => {
      over = true;
    });
    const sign = join(this.options.control, "here");
    while (!existsSync(sign)) {
      if (over) return false;
      await pause(5);
    }
    return true;
  }

  /** Lets the hook that waits go on. `raise`: with an exception. */
  go(how: "on" | "raise"): void {
    const sign = join(this.options.control, "go");
    writeFileSync(`${sign}.new`, how);
    renameSync(`${sign}.new`, sign);
  }

  /** The host's process id, as soon as there is one; undefined if the run ends before. */
  async host(): Promise<number | undefined> {
    while (this.driver.exitCode === null && this.driver.signalCode === null) {
      const host = processesOf(this.options.control).find(isHost);
      if (host) return host.pid;
      await pause(5);
    }
    return undefined;
  }

  all(): number[] {
    return processesOf(this.options.control).map(({ pid }) => pid);
  }

  /** How it ended, if that is within so many seconds; else it is killed. */
  async within(seconds: number): Promise<Ended | undefined> {
    const ended = await Promise.race([this.ended, patience(seconds)]);
    if (!ended) this.kill();
    return ended;
  }

  /** Processes of it that still live so many seconds after its end; they are killed. */
  async leftOver(seconds: number): Promise<number> {
    for (let waited = 0; waited < seconds && this.all().length; waited += 0.05) await pause(50);
    const left = this.all().length;
    this.kill();
    return left;
  }

  kill(): void {
    for (const pid of this.all()) send(pid, "SIGKILL");
  }
}

/** So many seconds, for which no process stays that has nothing else to do. */
export const patience = (seconds: number): Promise<undefined> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(undefined), seconds * 1000).unref();
  });
