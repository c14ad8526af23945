/** @file `f2c-dsl run`: torch starts while the experiment compiles, then the trainer takes over. */
import { existsSync, readdirSync } from "node:fs";
import { setImmediate, setTimeout } from "node:timers/promises";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  type CompiledExperiment,
  compileExperiment,
  configured,
  declaresStudy,
  experimentOf,
  type LoadedExperiment,
  type LoadedFile,
  load,
} from "../../compiler/index.js";
import { FOLLOWERS, type Options, type Follower as Watched } from "../../dsl/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import type { HostClient } from "../bridge/host-client.js";
import { setUp } from "../bridge/python-environment.js";
import { ofEveryRun } from "../observe/every-run.js";
import { Follower, requireTools } from "../observe/follower.js";
import { Observers } from "../observe/observer.js";
import { drawPictures } from "../observe/pictures.js";
import { ProgressLine } from "../observe/progress-line.js";
import { type RunConfig, readConfig } from "../run/config.js";
import { RunFolder } from "../run/run-folder.js";
import { renderSummary } from "../run/summary.js";
import { beginRun, executedWith, recordHost } from "../stages/begin-run.js";
import type { Host, LoadOptions } from "../stages/host.js";
import type { HostSession } from "../stages/host-session.js";
import { type Loading, loadProgram, Trainer } from "../stages/trainer.js";
import { outliveClosedOutput } from "./closed-output.js";
import { asText, EXIT, fail, warn } from "./report.js";
import { checkNoSettings, type Settings, settingsOf } from "./settings.js";
import "./scanning.js";
import { shellWord } from "./shell.js";
import { onSignals } from "./signals.js";
import { startHost } from "./start-host.js";

export interface RunOptions {
  runDir?: string;
  resume?: boolean;
  device?: string;
  backend?: string;
  threads?: number;
  steps?: number;
  restarts: number;
  patience?: number;
  record?: string;
  observe?: string;
  only?: string;
  from?: string;
  set?: readonly string[];
}

type Say = (line: string) => void;

export async function run(file: string, options: RunOptions): Promise<void> {
  outliveClosedOutput();
  let loaded: LoadedFile;
  try {
    checkOptions(options);
    // What is wrong with the experiment is said before anything is installed or started.
    loaded = load(file);
    if (declaresStudy(loaded)) checkNoSettings(options.set);
    else checkNoStages(options);
  } catch (error) {
    fail(error);
    return;
  }
  if (declaresStudy(loaded)) await (await import("./run-study.js")).runStudy(file, loaded, options);
  else await runExperiment(file, experimentOf(loaded), options);
}

async function runExperiment(file: string, declared: LoadedExperiment, options: RunOptions): Promise<void> {
  let loaded = declared;
  let first: Promise<HostSession> | undefined;
  let folder: RunFolder | undefined;
  let trainer: Trainer | undefined;
  let config: RunConfig | undefined;
  let doing = "setting up";
  const clients: HostClient[] = [];
  const terminal = new ProgressLine(process.stderr);
  const observers = new Observers(terminal);
  const over = onSignals({
    gently: (signal) => {
      if (!trainer?.stop()) return false;
      observers.note(
        `${signal}: finishing what runs, then saving (again: interrupt the step; a third time: end at once)`,
      );
      return true;
    },
    interrupt: () => clients.at(-1)?.interrupt(),
    atOnce: (signal) => {
      terminal.ended();
      const rest = folder
        ? `; ${folder.path}: ${trainer?.whatIsSaved() ?? (config ? "it is as it was" : "nothing was saved")}`
        : "";
      observers.note(`${signal}: ended ${trainer?.training ? "in the middle" : `while ${doing}`}${rest}`);
      for (const client of clients) client.kill();
      folder?.release();
    },
  });
  try {
    const say = (line: string) => observers.note(line);
    let set = settingsOf(options.set);
    loaded = configured(declared, set);
    if (options.resume) {
      folder = RunFolder.reopen(options.runDir, loaded.experiment.name);
      // What was set when the run was begun stays set.
      config = readConfig(folder.path);
      set = { ...stillSet(config, loaded.experiment.options), ...set };
      loaded = configured(declared, set);
    }
    const python = await setUp(say);
    const { patience, record } = options;
    const onStart = (client: HostClient) => clients.push(client);
    const start = () => startHost(python, { patience, record, say, onStart });
    doing = "compiling";
    first = start();
    first.catch(() => {}); // a compile error is reported first
    observers.tell("part", `compiling ${file}`);
    const program: CompiledExperiment = { ...compileExperiment(loaded), stopAfter: options.steps };
    warn([...loaded.warnings, ...program.warnings], loaded);
    const { name } = program.experiment;
    const watched = watchedIn(program.experiment.observe, options.observe);
    await requireTools(python, watched);
    folder ??= RunFolder.create(options.runDir, name);
    observers.add(...ofEveryRun(folder));
    const before = lastPictures(folder.path, say);
    for (const tool of watched) observers.add(new Follower(python, folder.path, tool, say, { before }));
    const asked = { ...options, set };
    const loading = await loadingAhead(first, program, executedWith(program, asked, config));
    const given = beginRun(folder, loaded, program, asked, options.resume === true, say);
    recordHost(folder.path, first);
    for (const note of program.notes) observers.note(note);
    trainer = new Trainer(program, folder, observers, {
      ...given,
      restarts: options.restarts,
      start,
      loading,
    });
    doing = "preparing the run";
    const { summary, failedEvaluation } = await trainer.run(first);
    await Promise.allSettled(clients.map((client) => client.shutdown()));
    process.stdout.write(renderSummary(summary, folder.path, filesIn(folder)));
    if (failedEvaluation) fail(failedEvaluation, { texts: loaded.texts, directory: loaded.directory });
    if (summary.interrupted) sayHowToGoOn(file, folder);
  } catch (error) {
    await Promise.allSettled(clients.map((client) => client.shutdown()));
    if (folder && trainer?.stopped && error instanceof BridgeError && error.interrupted) {
      observers.note(`${error.message}; ${trainer.whatIsSaved()}`);
      sayHowToGoOn(file, folder);
      return;
    }
    observers.tell("error", asText(error));
    terminal.clear();
    fail(error, { texts: loaded.texts, directory: loaded.directory });
  } finally {
    over();
    folder?.release();
  }
}

/** How long the description of a run waits for a host that is about to be there, in milliseconds. */
const SOON_MS = 50;

/** Lets the first host load the program while the run is described: at once where it is there, else as soon as it is. */
async function loadingAhead(first: Promise<Host>, program: CompiledExperiment, options: LoadOptions) {
  const loading = new WeakMap<Host, Loading>();
  const begun = first.then((host) => {
    const asked = loadProgram(host, program, options);
    loading.set(host, asked);
    return asked.endings;
  });
  await Promise.race([begun.catch(() => {}), setTimeout(SOON_MS)]); // the trainer hears what was wrong
  await setImmediate(); // what is sent leaves
  return loading;
}

function sayHowToGoOn(file: string, folder: RunFolder): void {
  process.stdout.write(
    `\ncontinue with: f2c-dsl run ${shellWord(file)} --resume --run-dir ${shellWord(folder.path)}\n`,
  );
  process.exitCode = EXIT.interrupted;
}

const FILES = [
  ["summary.json", "these figures, for programs"],
  ["net.pt", "the net as TorchScript: torch.jit.load reads it without this package"],
  ["net.safetensors", "its weights"],
  ["net.onnx", "the net as ONNX: onnxruntime reads it"],
  ["net.insightface.onnx", "the net as ONNX, as insightface's wrapper feeds it"],
  ["metrics.jsonl", "every step"],
  ["ir.txt", "the program that ran"],
  ["source/", "the experiment as it was"],
  ["checkpoints/", "to resume from"],
] as const;

/** Not every run has each of them: one that measures nothing has no curves. */
const filesIn = (folder: RunFolder) => [
  ...FILES.filter(([name]) => existsSync(folder.file(name))),
  ...readdirSync(folder.path)
    .filter((name) => name.endsWith(".svg"))
    .map((name) => [name, "curves of the trained net and what it is compared with"] as const),
];

/** The tools that the experiment names, and those that the command line does. */
function watchedIn(experiment: readonly Watched[], given = ""): readonly Watched[] {
  const named = given
    .split(",")
    .filter((name) => name !== "" && experiment.every(({ tool }) => tool !== name));
  return [...experiment, ...[...new Set(named)].map((name) => FOLLOWERS[name]!())];
}

const BACKENDS = ["torchscript", "eager", "inductor"];

/** Draws the curves for those who follow: once, however many there are. They do without where that fails. */
function lastPictures(folder: string, say: Say): () => Promise<void> {
  let drawn: Promise<void> | undefined;
  return () => {
    drawn ??= drawPictures(folder).catch((error: Error) =>
      say(`curves are not shown elsewhere: ${error.message}`),
    );
    return drawn;
  };
}

/** An experiment has no stages to choose from. */
function checkNoStages({ only, from }: RunOptions): void {
  const option = only !== undefined ? "only" : from !== undefined ? "from" : undefined;
  if (option !== undefined) throw experimentError("bad-command-line.no-stages", { option });
}

function checkOptions({
  threads,
  steps,
  patience,
  restarts,
  backend,
  device,
  observe = "",
}: RunOptions): void {
  for (const [option, value] of Object.entries({ threads, steps, patience })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1))
      throw experimentError("bad-command-line.count", { option, least: 1, example: 2 });
  }
  if (!Number.isInteger(restarts) || restarts < 0)
    throw experimentError("bad-command-line.count", { option: "restarts", least: 0, example: 0 });
  if (backend !== undefined && !BACKENDS.includes(backend))
    throw experimentError("bad-command-line.backend", { backend, known: BACKENDS.join(", ") });
  const odd = observe.split(",").find((name) => name !== "" && !Object.hasOwn(FOLLOWERS, name));
  if (odd !== undefined)
    throw experimentError("bad-command-line.observe", {
      tool: odd,
      known: Object.keys(FOLLOWERS).join(", "),
    });
  if (device !== undefined && !/^(auto|cpu|cuda(:\d+)?)$/.test(device))
    throw experimentError("bad-command-line.device", {
      device,
      known: "auto, cpu, cuda, cuda:0 (the first GPU)",
    });
}

/** What the command line set when the run was begun, as far as the experiment still has such options. */
const stillSet = (config: RunConfig | undefined, options: Options): Settings =>
  Object.fromEntries(
    Object.entries((config?.set as Settings | undefined) ?? {}).filter(([name]) => name in options),
  );
