/** @file `f2c-dsl run` of a study: shows its stages, makes what is missing in order, each in a folder of its own. */
import { relative } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import type { LoadedStudy } from "../../compiler/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import type { HostClient } from "../bridge/host-client.js";
import { setUp } from "../bridge/python-environment.js";
import { Observers } from "../observe/observer.js";
import { ProgressLine } from "../observe/progress-line.js";
import { readArtefact } from "../stages/artefact.js";
import type { Host } from "../stages/host.js";
import type { PlannedStage } from "../stages/maker.js";
import type { Stoppable } from "../stages/on-hosts.js";
import { makeStage, planStudy, stateOf } from "../stages/study.js";
import { asText, EXIT, fail, warn } from "./report.js";
import type { RunOptions } from "./run.js";
import { shellWord } from "./shell.js";
import { onSignals } from "./signals.js";
import { startHost } from "./start-host.js";
import { rootOf } from "./study-root.js";

export async function runStudy(file: string, loaded: LoadedStudy, options: RunOptions): Promise<void> {
  const terminal = new ProgressLine(process.stderr);
  const said = new Observers(terminal);
  const say = (line: string) => said.note(line);
  const clients: HostClient[] = [];
  let making: { readonly stage: PlannedStage; readonly work: Stoppable } | undefined;
  const over = onSignals({
    gently: (signal) => {
      if (!making?.work.stop()) return false;
      say(`${signal}: finishing what runs, then saving (again: interrupt it; a third time: end at once)`);
      return true;
    },
    interrupt: () => clients.at(-1)?.interrupt(),
    atOnce: (signal) => {
      terminal.ended();
      const rest = making ? ` in ${making.stage.name}: ${making.work.whatIsSaved()}` : "";
      say(`${signal}: ended${rest}`);
      for (const client of clients) client.kill();
    },
  });
  try {
    warn(loaded.warnings, loaded);
    const { device, backend, threads, steps, restarts } = options;
    const ofStages = { device, backend, threads, steps };
    const plan = (before: readonly PlannedStage[] = []) =>
      planStudy(loaded, { root: rootOf(file, options.runDir), before, ...ofStages });
    let stages = plan();
    const wanted = new Set(chosen(stages, options).map(({ name }) => name));
    const toMake = () => stages.find((stage) => wanted.has(stage.name) && stateOf(stage) !== "made");
    for (const stage of stages) say(described(stage, wanted.has(stage.name)));
    for (const stage of stages) if (stage.awaits === undefined) warn(stage.warnings, loaded);
    if (toMake()) {
      const python = await setUp(say);
      const { patience, record } = options;
      let living: Host | undefined;
      const start = async () => {
        if (living) return living;
        const host = await startHost(python, {
          patience,
          say,
          onStart: (client) => clients.push(client),
          record,
        });
        living = host;
        void host.died.then(() => {
          if (living === host) living = undefined;
        });
        return host;
      };
      const { declared: _, ...source } = loaded;
      const means = { file: source, options: ofStages, terminal, restarts, start, asText };
      for (let stage = toMake(); stage; stage = toMake()) {
        const { name, needs } = stage;
        const needed = stages.find((other) => needs.includes(other.name) && stateOf(other) !== "made");
        if (needed) throw experimentError("bad-command-line.stage-missing", { name, needed: needed.name });
        const begun = stage;
        const begins = (work: Stoppable) => {
          making = { stage: begun, work };
        };
        const complete = await makeStage(stage, { ...means, begins });
        making = undefined;
        if (!complete) return sayHowToGoOn(file, options);
        const waited = new Set(stages.filter(({ awaits }) => awaits === name).map((other) => other.name));
        if (waited.size === 0) continue;
        // What they are made from is known only now.
        stages = plan(stages);
        for (const other of stages)
          if (waited.has(other.name) && other.awaits === undefined) warn(other.warnings, loaded);
      }
    }
    for (const stage of stages) if (wanted.has(stage.name)) process.stdout.write(left(stage));
  } catch (error) {
    if (making?.work.stopped && error instanceof BridgeError && error.interrupted) {
      say(`${error.message}; ${making.stage.name}: ${making.work.whatIsSaved()}`);
      sayHowToGoOn(file, options);
      return;
    }
    said.tell("error", asText(error));
    terminal.clear();
    fail(error, { texts: loaded.texts, directory: loaded.directory });
  } finally {
    await Promise.allSettled(clients.map((client) => client.shutdown()));
    over();
  }
}

/** The stages that are asked for. */
function chosen(stages: readonly PlannedStage[], { only, from }: RunOptions): readonly PlannedStage[] {
  const place = (name: string) => {
    const found = stages.findIndex((stage) => stage.name === name);
    if (found < 0)
      throw experimentError("bad-command-line.unknown-stage", {
        name,
        known: stages.map((stage) => stage.name).join(", "),
      });
    return found;
  };
  if (only !== undefined) return [stages[place(only)]!];
  return from === undefined ? stages : stages.slice(place(from));
}

const WORDS = { made: "made, is not made again", begun: "begun, goes on", missing: "to be made" } as const;

function described(stage: PlannedStage, wanted: boolean): string {
  const words = wanted ? WORDS[stateOf(stage)] : "not asked for";
  const needs = stage.needs.length > 0 ? `from ${stage.needs.join(", ")}` : "";
  return `${stage.name.padEnd(12)} ${stage.kind.padEnd(10)} ${words.padEnd(24)} ${needs}`.trimEnd();
}

/** A stage's folder, and below it the files that it left, with their sizes. */
function left({ name, folder, recipe }: PlannedStage): string {
  const shown = relative(process.cwd(), folder);
  const files = Object.entries(readArtefact(folder, recipe)?.files ?? {});
  const sizes = files.map(([file, { bytes }]) => `${file} ${inUnits(bytes)}`).join(", ");
  return `${name.padEnd(12)} ${shown.startsWith("..") ? folder : shown}\n${" ".repeat(13)}${sizes}\n`;
}

/** Bytes, in kB or MB where there are many. */
const inUnits = (bytes: number) =>
  bytes < 1e3
    ? `${bytes} B`
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`;

function sayHowToGoOn(file: string, { runDir }: RunOptions): void {
  process.stdout.write(
    `\ncontinue with the same command: f2c-dsl run ${shellWord(file)}${runDir === undefined ? "" : ` --run-dir ${shellWord(runDir)}`}\n`,
  );
  process.exitCode = EXIT.interrupted;
}
