/** @file `f2c-dsl sweep`: an experiment with every combination of values of its options, a run each, one after the other; then their comparison. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { configured, loadExperiment } from "../../compiler/index.js";
import { readRuns } from "../compare/read.js";
import { comparisonTable } from "../compare/table.js";
import { readSummary } from "../run/summary.js";
import { EXIT, fail } from "./report.js";
import { asArguments, combinationsOf, type Settings } from "./settings.js";
import "./scanning.js";

export interface SweepOptions {
  readonly set?: readonly string[];
  readonly dir?: string;
  readonly dryRun?: boolean;
  readonly device?: string;
  readonly backend?: string;
  readonly threads?: string;
  readonly steps?: string;
}

/** One run of a sweep, and how far it is: not begun, begun and not ended, or done. */
interface Planned {
  readonly settings: Settings;
  readonly folder: string;
  readonly state: "new" | "begun" | "done";
}

export async function sweep(file: string, options: SweepOptions): Promise<void> {
  try {
    if (!options.set?.length) throw experimentError("bad-command-line.no-values", {});
    const loaded = loadExperiment(file);
    const combinations = combinationsOf(options.set);
    // Every value is tried before a run begins.
    for (const settings of combinations) configured(loaded, settings);
    const home = resolve(options.dir ?? join("runs", `${loaded.experiment.name}-sweep`));
    const planned = combinations.map((settings) => plannedIn(home, settings));
    if (options.dryRun) {
      process.stdout.write(planned.map((run) => `${shown(run)}: ${run.state}\n`).join(""));
      return;
    }
    const failed = await executed(file, planned, options);
    if (failed === undefined) return;
    const whole = planned.filter(({ folder }) => existsSync(join(folder, "metrics.jsonl")));
    const runs = readRuns(
      whole.map(({ folder }) => folder),
      "step",
      (text) => process.stderr.write(`${text}\n`),
    );
    if (runs.length > 0) process.stdout.write(`\n${comparisonTable(runs)}`);
    for (const run of failed) process.stdout.write(`failed: ${shown(run)}\n`);
    if (failed.length > 0) process.exitCode = EXIT.user;
  } catch (error) {
    fail(error);
  }
}

const shown = ({ folder }: Planned) => relative(process.cwd(), folder) || folder;

/** A run's folder is called by its values; what a file's name cannot hold is written by its code. */
function plannedIn(home: string, settings: Settings): Planned {
  const name = asArguments(settings)
    .join(",")
    .replaceAll(/[^\w.,=+-]/g, (c) => `%${c.codePointAt(0)!.toString(16)}`);
  const folder = join(home, name);
  const state = isDone(folder) ? "done" : existsSync(join(folder, "config.json")) ? "begun" : "new";
  return { settings, folder, state };
}

/** Whether a run came to its end; one that was stopped, or whose summary cannot be read, goes on. */
const isDone = (folder: string): boolean => readSummary(folder)?.interrupted === false;

/** Runs those that are not done, one after the other. Returns those that failed; undefined where the sweep was interrupted. */
async function executed(
  file: string,
  planned: readonly Planned[],
  options: SweepOptions,
): Promise<readonly Planned[] | undefined> {
  const failed: Planned[] = [];
  let running: ChildProcess | undefined;
  let stopped = false;
  // The run saves and says how it goes on; a terminal sends its Ctrl-C to both of us.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const stop = (signal: NodeJS.Signals) => {
    stopped = true;
    running?.kill(signal);
  };
  for (const signal of signals) process.on(signal, stop);
  try {
    for (const [i, run] of planned.entries()) {
      const head = `${i + 1} of ${planned.length}: ${shown(run)}`;
      process.stdout.write(run.state === "done" ? `${head} is done already\n` : `${head}\n`);
      if (run.state === "done") continue;
      running = spawn(process.execPath, argumentsOf(file, run, options), { stdio: "inherit" });
      const code = await codeOf(running);
      if (stopped || code === EXIT.interrupted) {
        process.stdout.write("the sweep goes on with the same command\n");
        process.exitCode = EXIT.interrupted;
        return undefined;
      }
      if (code !== 0) failed.push(run);
    }
    return failed;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

const CLI = fileURLToPath(new URL("./main.js", import.meta.url));

function argumentsOf(file: string, { settings, folder, state }: Planned, options: SweepOptions): string[] {
  const { device, backend, threads, steps } = options;
  const passed = Object.entries({ device, backend, threads, steps }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
  return [
    ...process.execArgv,
    CLI,
    "run",
    file,
    ...asArguments(settings).flatMap((setting) => ["--set", setting]),
    ...["--run-dir", folder],
    ...(state === "begun" ? ["--resume"] : []),
    ...passed,
  ];
}

/** How a process ended; by a signal as a shell says it. */
const codeOf = (child: ChildProcess): Promise<number> =>
  new Promise((ended, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) => ended(code ?? 128 + constants.signals[signal!]));
  });
