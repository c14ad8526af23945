/** @file A run's folder, as far as runs are compared: what it was asked for, how it went, and its curves. In bounded memory. */
import { existsSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import type { Figure } from "../../dsl/index.js";
import { bridgeError } from "../bridge/bridge-error.js";
import { readConfig } from "../run/config.js";
import { History } from "../run/history.js";
import { inWords, isRecord, type Json } from "../run/identity/json.js";
import { isMeasured } from "../run/measured.js";
import { isBusy } from "../run/run-folder.js";
import { readSummary } from "../run/summary.js";
import { Series } from "./series.js";

/** What is drawn over steps or over passes. */
export type Axis = "step" | "epoch";

/** What was measured before a step, by the names of what measures and of its numbers. */
export interface Evaluated {
  readonly x: number;
  readonly results: ReadonlyMap<string, ReadonlyMap<string, Figure>>;
}

export interface ComparedRun {
  readonly path: string;
  readonly name: string;
  /** Its name in the table and the figure, which no other one has. */
  readonly label: string;
  /** What it was asked for, in words, by dotted names. */
  readonly options: ReadonlyMap<string, string>;
  readonly state: "complete" | "interrupted" | "goes on" | "not ended";
  readonly steps: number;
  readonly loss: Series;
  readonly lr: Series;
  readonly finalLoss: number | undefined;
  readonly bestLoss: { readonly value: number; readonly step: number } | undefined;
  readonly evaluations: readonly Evaluated[];
  /** Of all its steps, computing and waiting for images. */
  readonly seconds: number;
}

/** The runs in these folders. `say` hears what a reader should know. Throws F2C6421 for a folder that is no run. */
export function readRuns(
  folders: readonly string[],
  axis: Axis,
  say: (text: string) => void,
): readonly ComparedRun[] {
  const seen = new Map<string, string>();
  for (const folder of folders) {
    if (!existsSync(join(folder, "metrics.jsonl")))
      throw bridgeError(existsSync(folder) ? "not-a-run" : "not-a-run.no-folder", "user", { folder });
    const path = realpathSync(folder);
    if (seen.has(path)) say(`${folder} is named twice, and compared once`);
    else seen.set(path, folder);
  }
  const runs = [...seen].map(([path, folder]) => readRun(path, folder, axis, say));
  const labels = labelsOf(runs);
  return runs.map((run, i) => ({ ...run, label: labels[i]! }));
}

function readRun(
  path: string,
  folder: string,
  axis: Axis,
  say: (text: string) => void,
): Omit<ComparedRun, "label"> {
  const config = readConfig(path) ?? {};
  const [loss, lr] = [new Series(), new Series()];
  const evaluations: Evaluated[] = [];
  let [steps, epoch, seconds, unread] = [0, 0, 0, 0];
  let finalLoss: number | undefined;
  let bestLoss: ComparedRun["bestLoss"];
  for (const entry of new History(join(path, "metrics.jsonl")).entries()) {
    if (!entry) unread++;
    else if (typeof entry.epoch === "number") {
      steps = entry.step + 1;
      epoch = entry.epoch;
      const x = axis === "step" ? steps : epoch;
      seconds += numberOr(entry.seconds, 0) + numberOr(entry.wait, 0);
      if (typeof entry.lr === "number") lr.add(x, entry.lr);
      finalLoss = numberOr(entry.loss, undefined);
      if (finalLoss === undefined) continue; // it was no number
      loss.add(x, finalLoss);
      if (finalLoss < (bestLoss?.value ?? Number.POSITIVE_INFINITY))
        bestLoss = { value: finalLoss, step: steps };
    } else {
      const results = resultsOf(entry.evaluation);
      if (results.size > 0) evaluations.push({ x: axis === "step" ? entry.step + 1 : epoch, results });
    }
  }
  if (unread > 0)
    say(
      `${folder}: ${unread === 1 ? "a line" : `${unread} lines`} of metrics.jsonl cannot be read: left out`,
    );
  if (evaluations.length === 0) say(`${folder} was not evaluated`);
  const state = stateOf(path, steps);
  if (state === "goes on") say(`${folder} goes on: this is how it stands after ${steps} steps`);
  return {
    path: folder,
    name: typeof config.name === "string" ? config.name : basename(path),
    options: optionsOf(config),
    state,
    steps,
    loss,
    lr,
    finalLoss,
    bestLoss,
    evaluations,
    seconds,
  };
}

const numberOr = <T>(value: unknown, other: T): number | T => (typeof value === "number" ? value : other);

/** By name, the numbers that are shown, and are known. */
function resultsOf(evaluation: unknown): Evaluated["results"] {
  const results = new Map<string, ReadonlyMap<string, Figure>>();
  for (const [name, measured] of isRecord(evaluation) ? Object.entries(evaluation) : []) {
    if (!isMeasured(measured)) continue;
    const shown = Object.entries(measured.numbers).filter(([, { value, quiet }]) => value !== null && !quiet);
    if (shown.length > 0) results.set(name, new Map(shown));
  }
  return results;
}

function stateOf(path: string, steps: number): ComparedRun["state"] {
  if (isBusy(path)) return "goes on";
  const summary = readSummary(path);
  if (summary?.steps !== steps) return "not ended";
  return summary.interrupted ? "interrupted" : "complete";
}

function optionsOf(config: Readonly<Record<string, unknown>>): Map<string, string> {
  const { identity } = config as { identity?: { options?: Json; versions?: Json } };
  const options = new Map<string, string>();
  const add = (name: string, value: Json): void => {
    if (!isRecord(value)) options.set(name, inWords(value));
    else
      for (const [part, inside] of Object.entries(value)) add(name === "" ? part : `${name}.${part}`, inside);
  };
  add("", identity?.options ?? {});
  for (const [name, version] of Object.entries((identity?.versions ?? {}) as Record<string, Json>))
    options.set(`version of ${name}`, inWords(version));
  options.delete("name"); // runs are called by it
  return options;
}

/** The experiments' names where these tell the runs apart, else those of the folders, else how they were named. */
function labelsOf(runs: readonly Omit<ComparedRun, "label">[]): readonly string[] {
  const distinct = (labels: readonly string[]) => new Set(labels).size === labels.length;
  const names = runs.map(({ name }) => name);
  const folders = runs.map(({ path }) => basename(realpathSync(path)));
  return [names, folders].find(distinct) ?? runs.map(({ path }) => path);
}
