/** @file `f2c-dsl run` of a study: shows its stages, makes what is missing in order, each in a folder of its own. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { codeOf, experimentError } from "../../compiler/diagnostics/catalogue.js";
import type { LoadedFile } from "../../compiler/index.js";
import type { Study } from "../../dsl/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import type { HostClient } from "../bridge/host-client.js";
import { setUp } from "../bridge/python-environment.js";
import { JsonLines } from "../observe/json-lines.js";
import { Observers } from "../observe/observer.js";
import { ProgressLine } from "../observe/progress-line.js";
import { RunLog } from "../observe/run-log.js";
import { hashOf, makeFolder } from "../run/files.js";
import { takeRunLock } from "../run/lock.js";
import { RunFolder } from "../run/run-folder.js";
import { writeArtefact } from "../stages/artefact.js";
import { Embedder } from "../stages/embedder.js";
import type { Host } from "../stages/host.js";
import {
  type PlannedEmbedding,
  type PlannedStage,
  type PlannedTraining,
  planStudy,
  ROWS_FILE,
  stateOf,
} from "../stages/study.js";
import { Trainer } from "../stages/trainer.js";
import { beginRun } from "./begin-run.js";
import { asText, EXIT, fail, warn } from "./report.js";
import type { RunOptions } from "./run.js";
import { shellWord } from "./shell.js";
import { onSignals } from "./signals.js";
import { startHost } from "./start-host.js";
import { rootOf } from "./study-root.js";

type LoadedStudy = LoadedFile & { readonly declared: Study };

const INTERRUPTED = codeOf("interrupted");

export async function runStudy(file: string, loaded: LoadedStudy, options: RunOptions): Promise<void> {
  const terminal = new ProgressLine(process.stderr);
  const said = new Observers(terminal);
  const say = (line: string) => said.note(line);
  const clients: HostClient[] = [];
  let making: { readonly stage: PlannedStage; readonly worker: Trainer | Embedder } | undefined;
  const over = onSignals({
    gently: (signal) => {
      if (!making?.worker.stop()) return false;
      say(`${signal}: finishing what runs, then saving (again: interrupt it; a third time: end at once)`);
      return true;
    },
    interrupt: () => clients.at(-1)?.interrupt(),
    atOnce: (signal) => {
      terminal.ended();
      const rest = making ? ` in ${making.stage.name}: ${making.worker.whatIsSaved()}` : "";
      say(`${signal}: ended${rest}`);
      for (const client of clients) client.kill();
    },
  });
  try {
    warn(loaded.warnings, loaded);
    const stages = planStudy(loaded, {
      root: rootOf(file, options.runDir),
      device: options.device,
      backend: options.backend,
      threads: options.threads,
      steps: options.steps,
    });
    for (const stage of stages) {
      if (stage.kind === "training") warn(stage.program.warnings, loaded);
    }
    const wanted = chosen(stages, options);
    for (const stage of stages) say(described(stage, wanted.includes(stage)));
    const missing = wanted.filter((stage) => stateOf(stage) !== "made");
    if (missing.length > 0) {
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
      for (const stage of missing) {
        const needed = stages.find((other) => stage.needs.includes(other.name) && stateOf(other) !== "made");
        if (needed)
          throw experimentError("bad-command-line.stage-missing", { name: stage.name, needed: needed.name });
        const make = (worker: Trainer | Embedder) => {
          making = { stage, worker };
        };
        const work = { loaded, options, terminal, start, make };
        const complete = await (stage.kind === "training" ? train(stage, work) : embedStage(stage, work));
        making = undefined;
        if (!complete) return sayHowToGoOn(file, options);
      }
    }
    for (const stage of wanted) process.stdout.write(`${stage.name.padEnd(12)} ${shownFolder(stage)}\n`);
  } catch (error) {
    if (making?.worker.stopped && error instanceof BridgeError && error.code === INTERRUPTED) {
      say(`${error.message}; ${making.stage.name}: ${making.worker.whatIsSaved()}`);
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

interface Work {
  readonly loaded: LoadedStudy;
  readonly options: RunOptions;
  readonly terminal: ProgressLine;
  readonly start: () => Promise<Host>;
  /** Hears who works on the stage, before it begins. */
  readonly make: (worker: Trainer | Embedder) => void;
}

/** Trains in the stage's folder. Returns whether it came to the end. */
async function train(
  stage: PlannedTraining,
  { loaded, options, terminal, start, make }: Work,
): Promise<boolean> {
  const { program, folder: path } = stage;
  const { name } = program.experiment;
  const resume = existsSync(join(path, "config.json"));
  const folder = resume ? RunFolder.reopen(path, name) : RunFolder.create(path, name);
  try {
    const observers = new Observers(
      terminal,
      new RunLog(folder.file("run.log")),
      new JsonLines(folder.history),
    );
    const { declared: _, ...file } = loaded;
    const experiment = { ...file, experiment: program.experiment };
    const given = beginRun(folder, experiment, program, { ...options, set: {} }, resume, (line) =>
      observers.note(line),
    );
    for (const note of program.notes) observers.note(note);
    const trainer = new Trainer(program, folder, observers, { ...given, restarts: options.restarts, start });
    make(trainer);
    const { summary, failedEvaluation } = await trainer.run(start());
    if (failedEvaluation) observers.note(asText(failedEvaluation));
    if (summary.interrupted) return false;
    const made = ["net.pt", "net.safetensors", "net.onnx", "summary.json", "ir.json"];
    const files = made.filter((name) => existsSync(folder.file(name)));
    writeArtefact(
      path,
      stage.recipe,
      Object.fromEntries(files.map((name) => [name, hashOf(folder.file(name))])),
    );
    return true;
  } finally {
    folder.release();
  }
}

/** Embeds into the stage's folder. Returns whether all of it is there. */
async function embedStage(
  stage: PlannedEmbedding,
  { options, terminal, start, make }: Work,
): Promise<boolean> {
  const { folder } = stage;
  makeFolder(folder);
  const lock = takeRunLock(join(folder, ".lock"), folder);
  try {
    const observers = new Observers(terminal, new RunLog(join(folder, "run.log")));
    observers.note(
      `${stage.name}: ${stage.program.rows.toLocaleString("en-US")} images to rows of ${stage.program.columns}; ${folder}`,
    );
    const embedder = new Embedder(stage.name, stage.program, join(folder, ROWS_FILE), observers, {
      device: stage.device,
      backend: stage.backend,
      threads: options.threads,
      batch: stage.batch,
      weights: stage.weights(),
      restarts: options.restarts,
      start,
    });
    make(embedder);
    const written = await embedder.run(start());
    if (!written) return false;
    writeArtefact(folder, stage.recipe, { [ROWS_FILE]: written });
    return true;
  } finally {
    lock.release();
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

const shownFolder = ({ folder }: PlannedStage) => {
  const shown = relative(process.cwd(), folder);
  return shown.startsWith("..") ? folder : shown;
};

function sayHowToGoOn(file: string, { runDir }: RunOptions): void {
  process.stdout.write(
    `\ncontinue with the same command: f2c-dsl run ${shellWord(file)}${runDir === undefined ? "" : ` --run-dir ${shellWord(runDir)}`}\n`,
  );
  process.exitCode = EXIT.interrupted;
}
