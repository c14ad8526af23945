/** @file `f2c-dsl run`: torch starts while the experiment compiles, then the trainer takes over. */
import { existsSync, readdirSync } from "node:fs";
import { codeOf, experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  type CompiledExperiment,
  compileExperiment,
  encodeModule,
  IR_VERSION,
  type LoadedExperiment,
  lastStep,
  loadExperiment,
  printModule,
  registryHash,
} from "../../compiler/index.js";
import { FOLLOWERS, type Follower as Watched } from "../../dsl/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import { HostClient } from "../bridge/host-client.js";
import { setUp } from "../bridge/python-environment.js";
import { Follower, requireTools } from "../observe/follower.js";
import { JsonLines } from "../observe/json-lines.js";
import { Observers } from "../observe/observer.js";
import { drawPictures } from "../observe/pictures.js";
import { ProgressLine } from "../observe/progress-line.js";
import { RunLog } from "../observe/run-log.js";
import { Checkpoints } from "../run/checkpoints.js";
import { type RunConfig, readConfig, recordChanges, unreadableConfig, writeConfig } from "../run/config.js";
import { compareIdentity, identityOf, type RunIdentity, refusalOf, savedIdentity } from "../run/identity.js";
import { RunFolder } from "../run/run-folder.js";
import { renderSummary } from "../run/summary.js";
import type { Host } from "../stages/host.js";
import { HostSession } from "../stages/host-session.js";
import { Trainer } from "../stages/trainer.js";
import { asText, EXIT, fail, warn } from "./report.js";
import { onSignals, outliveClosedOutput } from "./signals.js";

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
}

type Say = (line: string) => void;

export async function run(file: string, options: RunOptions): Promise<void> {
  let loaded: LoadedExperiment | undefined;
  let first: Promise<Host> | undefined;
  let folder: RunFolder | undefined;
  let trainer: Trainer | undefined;
  let doing = "setting up";
  const clients: HostClient[] = [];
  const terminal = new ProgressLine(process.stderr);
  const observers = new Observers(terminal);
  outliveClosedOutput();
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
      const rest = folder ? `; ${folder.path}: ${trainer?.whatIsSaved() ?? "nothing was saved"}` : "";
      observers.note(`${signal}: ended ${trainer?.training ? "in the middle" : `while ${doing}`}${rest}`);
      for (const client of clients) client.kill();
      folder?.release();
    },
  });
  try {
    checkOptions(options);
    const say = (line: string) => observers.note(line);
    // What is wrong with the experiment is said before anything is installed or started.
    loaded = loadExperiment(file);
    const python = await setUp(say);
    const quiet = process.env.F2C_HOST_LOG === undefined;
    const start = async () =>
      new HostSession(
        await HostClient.start({
          python,
          registryHash: registryHash(),
          irVersion: IR_VERSION,
          patience: options.patience,
          onLine: (line) => (quiet ? undefined : say(`[host] ${line}`)),
          onStart: (client) => clients.push(client),
          ...(options.record !== undefined && { record: options.record }),
        }),
      );
    doing = "compiling";
    first = start();
    first.catch(() => {}); // a compile error is reported first
    observers.tell("part", `compiling ${file}`);
    const program: CompiledExperiment = { ...compileExperiment(loaded), stopAfter: options.steps };
    warn([...loaded.warnings, ...program.warnings], loaded);
    const { name } = program.experiment;
    const watched = watchedIn(program.experiment.observe, options.observe);
    await requireTools(python, watched);
    folder = options.resume ? RunFolder.reopen(options.runDir, name) : RunFolder.create(options.runDir, name);
    observers.add(new RunLog(folder.file("run.log")), new JsonLines(folder.history));
    const before = lastPictures(folder.path, say);
    for (const tool of watched) observers.add(new Follower(python, folder.path, tool, say, { before }));
    const config = options.resume ? readConfig(folder.path) : undefined;
    const given = {
      device: options.device ?? program.experiment.device,
      backend: options.backend ?? program.experiment.backend,
      // Sums depend on how many threads share them: a run goes on with as many as it began with.
      threads: options.threads ?? (config?.threads as number | undefined),
    };
    const identity = identityOf(program, given);
    if (config) continueRun(folder, loaded, program, config, { ...given, identity }, say);
    else describeRun(folder, loaded, program, { ...given, identity });
    const steps = lastStep(program);
    observers.note(
      `${name}: ${program.setting.identities.toLocaleString("en-US")} identities, ${program.setting.images.toLocaleString("en-US")} images, ${steps.toLocaleString("en-US")} ${steps === 1 ? "step" : "steps"}; ${folder.path}`,
    );
    for (const note of program.notes) observers.note(note);
    trainer = new Trainer(program, folder, observers, {
      ...given,
      sameProgram: config === undefined || config.identity !== undefined,
      resume: options.resume === true,
      restarts: options.restarts,
      start,
    });
    doing = "preparing the run";
    const { summary, failedEvaluation } = await trainer.run(first);
    process.stdout.write(renderSummary(summary, folder.path, filesIn(folder)));
    if (failedEvaluation) fail(failedEvaluation, { texts: loaded.texts, directory: loaded.directory });
    if (summary.interrupted) sayHowToGoOn(file, folder);
  } catch (error) {
    await Promise.allSettled(clients.map((client) => client.shutdown()));
    if (folder && trainer?.stopped && error instanceof BridgeError && error.code === INTERRUPTED) {
      observers.note(`${error.message}; ${trainer.whatIsSaved()}`);
      sayHowToGoOn(file, folder);
      return;
    }
    observers.tell("error", asText(error));
    terminal.clear();
    fail(error, { ...(loaded && { texts: loaded.texts, directory: loaded.directory }) });
  } finally {
    over();
    folder?.release();
  }
}

/** What a second signal does to the step that runs. */
const INTERRUPTED = codeOf("interrupted");

function sayHowToGoOn(file: string, folder: RunFolder): void {
  const quoted = (path: string) =>
    /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  process.stdout.write(
    `\ncontinue with: f2c-dsl run ${quoted(file)} --resume --run-dir ${quoted(folder.path)}\n`,
  );
  process.exitCode = EXIT.interrupted;
}

const FILES = [
  ["summary.json", "these figures, for programs"],
  ["net.pt", "the net as TorchScript: torch.jit.load reads it without this package"],
  ["net.safetensors", "its weights"],
  ["net.onnx", "the net as ONNX: onnxruntime reads it"],
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

function describeRun(
  folder: RunFolder,
  loaded: LoadedExperiment,
  program: CompiledExperiment,
  begun: Begun,
): void {
  const experiment = folder.copySources(loaded);
  writeProgram(folder, program);
  const { name, seed, length, checkpoint } = program.experiment;
  const { identity, ...given } = begun;
  writeConfig(folder.path, {
    name,
    startedAt: new Date().toISOString(),
    /** The copy of the experiment that ran, in this folder. */
    experiment,
    seed,
    ...given,
    length,
    checkpoint,
    steps: program.steps,
    stopAfter: program.stopAfter,
    stepsPerEpoch: program.stepsPerEpoch,
    setting: program.setting,
    data: program.train.spec.kind,
    command: process.argv.slice(2),
    versions: identity.versions,
    identity,
  });
}

/** The program, for people and for `f2c-dsl export`. */
function writeProgram(folder: RunFolder, { module }: CompiledExperiment): void {
  folder.write("ir.txt", printModule(module));
  folder.write("ir.json", JSON.stringify(encodeModule(module)));
}

/** What a run is begun or continued with, beside its program. */
interface Begun {
  readonly device: string;
  readonly backend: string;
  readonly threads: number | undefined;
  readonly identity: RunIdentity;
}

function compared(folder: RunFolder, config: RunConfig, identity: RunIdentity) {
  try {
    return compareIdentity(savedIdentity(config), identity);
  } catch {
    throw unreadableConfig(folder.path, "its identity is not what was written");
  }
}

/** Compares the experiment with the one that the run was begun with: what makes it another run is refused, what may change is said and recorded. */
function continueRun(
  folder: RunFolder,
  loaded: LoadedExperiment,
  program: CompiledExperiment,
  config: RunConfig,
  { identity, ...given }: Begun,
  say: Say,
): void {
  const { refused, changed } = compared(folder, config, identity);
  const refusal = refusalOf(folder.path, refused);
  if (refusal) throw refusal;
  for (const { option, was, is } of changed) say(`changed since: ${option} was ${was}, is ${is}`);
  if (config.identity === undefined)
    say(
      "this run was begun by an f2c-dsl that did not write down its identity: only what config.json knows was compared, and images are drawn in another order from here on",
    );
  // Of a run without an identity the checkpoints are still to say whether it is their program.
  if (config.identity !== undefined) writeProgram(folder, program);
  const step = new Checkpoints(folder.file("checkpoints")).newest ?? 0;
  writeConfig(folder.path, { ...recordChanges(config, step, changed, identity), ...given });
  if (changed.length > 0) folder.copySources(loaded, `source-from-${step}`);
}
