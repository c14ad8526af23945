/**
 * @file The run: plans ahead, keeps a few steps in flight, evaluates and saves where the experiment says, and ends with what
 * a user needs. The loop in `train` reads top to bottom. Whatever happens, what is saved is whole and can be continued.
 */
import { basename } from "node:path";
import { codeOf } from "../../compiler/diagnostics/catalogue.js";
import {
  type CompiledExperiment,
  finiteStorages,
  lastStep,
  structureHash,
  usedStorages,
  weightsHash,
} from "../../compiler/index.js";
import { type BookState, type Every, ExperimentError, type Measured } from "../../dsl/index.js";
import { BridgeError, bridgeError } from "../bridge/bridge-error.js";
import type { PlanResult } from "../bridge/host-events.js";
import { Evaluator } from "../evaluate/evaluator.js";
import type { Ending, Observers } from "../observe/observer.js";
import { type Checkpoint, Checkpoints, isDamage } from "../run/checkpoints.js";
import type { Past } from "../run/history.js";
import { refusalOf } from "../run/identity.js";
import { headline, rowsOf } from "../run/measured.js";
import type { RunFolder } from "../run/run-folder.js";
import { isSummary, readSummary, SUMMARY, type Summary } from "../run/summary.js";
import { BestSoFar } from "./best-so-far.js";
import { exportNet } from "./export-net.js";
import { Flight } from "./flight.js";
import type { Host, HostedProgram, LoadOptions, Plan } from "./host.js";
import { BRIDGE_BROKEN, type HostedWork, onHosts } from "./on-hosts.js";
import { Planner, type StepPlan } from "./planner.js";
import { filesOf } from "./trained-net.js";
import { Watch } from "./watch.js";

/** Plans sent ahead of the step that runs: enough to hide the bridge and the reading of images. */
const WINDOW = 4;

/** The function of a program that trains, what it returns, and the source of its images. */
const STEP = "step";
const LOSS = "loss";
const TRAIN = "train";

/** The book of the checkpoint is whole, and of another pool. */
const OTHER_CAPACITY = codeOf("pool-capacity-changed");

export interface TrainOptions extends LoadOptions {
  /** The program is known to be that of the folder's checkpoints; otherwise they are asked. */
  readonly sameProgram: boolean;
  /** The folder holds a run, which is to be continued. */
  readonly resume: boolean;
  /** How often in a row a host that died is started again without a new checkpoint in between. */
  readonly restarts: number;
  /** Starts a host. */
  readonly start: () => Promise<Host>;
  /** Hosts that were asked to load the program before this. */
  readonly loading?: WeakMap<Host, Loading>;
}

/** A program on its way into a host. */
export interface Loading {
  /** What the net's files will end in, by exporter. */
  readonly endings: Promise<Readonly<Record<string, string>>>;
  readonly hosted: Promise<HostedProgram>;
}

/** Lets a host load an experiment's program. What cannot be exported is said before. */
export function loadProgram(
  host: Host,
  { experiment, module, files }: CompiledExperiment,
  options: LoadOptions,
): Loading {
  const endings = host.exporters(experiment.export);
  const load = () => host.load(experiment.name, module, { ...options, files: filesOf(files) });
  const hosted = endings.then(load);
  hosted.catch(() => {}); // whoever waits for it hears of it
  return { endings, hosted };
}

/** How a run ended. */
export interface Outcome {
  readonly summary: Summary;
  /** An evaluation that failed; training went on without it. */
  readonly failedEvaluation: BridgeError | undefined;
}

/** A plan's scalars: the policies that were in force. */
type Policies = Readonly<Record<string, number | boolean>>;

type Books = Readonly<Record<string, BookState>>;

/** A checkpoint that is being written. */
interface Writing {
  readonly step: number;
  /** Rejects with what kept it from being written. */
  readonly written: Promise<void>;
  settled: boolean;
}

/** One run of an experiment in a folder. */
export class Trainer implements HostedWork<Outcome> {
  private readonly planner: Planner;
  private readonly checkpoints: Checkpoints;
  private readonly hashes: { structureHash: string; weightsHash: string };
  /** The numbers that a gradient is taken of, and the loss. */
  private readonly losses: readonly string[];
  /** What a checkpoint must hold finite numbers in. */
  private readonly finite: readonly string[];
  private readonly evaluator: Evaluator;
  private readonly best: BestSoFar | undefined;
  private readonly end: number;
  private readonly flight = new Flight<Policies>();
  private readonly watch: Watch;
  private host: Host | undefined;
  /** The program in the host. */
  private hosted!: HostedProgram;
  /** What the net's files end in, by exporter. */
  private endings: Readonly<Record<string, string>> = {};

  /** Whether this folder's run was begun before, by this process or another. */
  private again: boolean;
  /** From the first step on, a stop is one that saves. */
  training = false;
  private stopping = false;
  private done = 0;
  private lastMetrics: Readonly<Record<string, number>> = {};
  private busySeconds = 0;
  private timedSteps = 0;
  /** When the first plan was made. */
  private began = 0;
  /** Where the planner stood when nothing was in flight: rewinding starts here. */
  private drained!: { step: number; books: Books };
  /** The step that the newest checkpoint of this process continues with. */
  private saved: number | undefined;
  private writing: Writing | undefined;
  /** By evaluation, what it found last, and the step before which that was. */
  private results: Readonly<Record<string, Measured>> = {};
  private evaluated: Readonly<Record<string, number>> = {};
  private failedEvaluation: BridgeError | undefined;
  /** By evaluation, the step before which it failed last. */
  private readonly failedBefore: Record<string, number> = {};

  constructor(
    private readonly program: CompiledExperiment,
    private readonly folder: RunFolder,
    private readonly observers: Observers,
    private readonly options: TrainOptions,
  ) {
    this.again = options.resume;
    this.planner = new Planner(program);
    this.checkpoints = new Checkpoints(folder.file("checkpoints"));
    this.hashes = { structureHash: structureHash(program.module), weightsHash: weightsHash(program.module) };
    this.losses = [...new Set([LOSS, ...program.updates.groups.map((group) => group.loss)])];
    this.finite = finiteStorages(program.module, usedStorages(program.module));
    this.evaluator = new Evaluator(program, folder);
    this.best = this.bestAsked(program.experiment.keepBest);
    this.end = lastStep(program);
    this.watch = new Watch(
      (text) => observers.note(text),
      () => this.host,
    );
  }

  private bestAsked(by: string | undefined): BestSoFar | undefined {
    if (by === undefined) return undefined;
    const [evaluation] = by.split(".") as [string];
    return new BestSoFar(by, this.evaluator.hashOf(evaluation), this.checkpoints);
  }

  /** Runs the experiment to its end, or until it is stopped, which saves. Begins at the newest whole checkpoint of the folder. */
  async run(first: Promise<Host>): Promise<Outcome> {
    let how: Ending = "failed";
    try {
      const { start, restarts } = this.options;
      const outcome = await onHosts(this, first, {
        start,
        restarts,
        watch: this.watch,
        note: (text) => this.observers.note(text),
      });
      how = outcome.summary.interrupted ? "interrupted" : "complete";
      return outcome;
    } catch (error) {
      if (this.stopping) how = "interrupted";
      throw error;
    } finally {
      await this.observers.end(how);
    }
  }

  /** What `onHosts` does on each host. */
  async attempt(host: Host): Promise<Outcome> {
    await this.prepare(host);
    await this.train();
    const summary = await this.finish();
    await this.hosted.unload().catch(() => {}); // all that is wanted of it is there
    return { summary, failedEvaluation: this.failedEvaluation };
  }

  /** An attempt failed: saves what can be saved. */
  async broken(error: unknown): Promise<void> {
    // Of a host that died, nothing is written any more, and this rejects.
    await this.written().catch(() => {});
    if (this.training) await this.salvage(error);
    this.training = false;
    this.again = true;
    this.host = undefined;
  }

  /** What a host that dies after it may be started anew for as often as before. */
  get progress(): unknown {
    return this.saved;
  }

  /** Asks the run to save after the running step, and to end. Returns false while there is nothing to save: then it can end at once. */
  stop(): boolean {
    if (!this.training) return false;
    this.stopping = true;
    this.flight.wake();
    this.host?.stop().catch(() => {});
    return true;
  }

  /** What lies on disk, for one who stops now. */
  whatIsSaved(): string {
    const [newest] = this.checkpoints.names();
    return newest === undefined
      ? "it holds no checkpoint yet: --resume begins anew in it"
      : `its newest checkpoint is ${newest}: --resume continues there`;
  }

  private async prepare(host: Host): Promise<void> {
    this.host = host;
    this.flight.listen(host, {
      onResult: (result) => this.stepDone(result),
      onPart: (done, total) => {
        this.watch.progressed();
        this.observers.tell(
          "part",
          `evaluating ${done.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} images`,
        );
      },
      onLog: (level, message) => this.observers.note(`host ${level}: ${message}`),
    });
    this.hosted = await this.watch.during(() => "the host to load the program", this.load(host));
    if (!(await this.restore())) await this.begin();
    this.noteDrained();
  }

  /** Sends the program and the data sources. */
  private async load(host: Host): Promise<HostedProgram> {
    const { program, options, evaluator } = this;
    const sources = [[TRAIN, program.train] as const, ...evaluator.sources()];
    const { endings, hosted } = options.loading?.get(host) ?? loadProgram(host, program, options);
    this.endings = await endings;
    // These are on their way while the program is compiled there.
    const opened = sources.map(([source, images]) => host.open(source, images));
    const [loaded] = await Promise.all([hosted, ...opened]);
    return loaded;
  }

  private async begin(): Promise<void> {
    if (this.again) this.observers.note("there is no checkpoint yet: the run begins anew");
    this.saved = undefined;
    this.folder.history.rewind(0);
    this.remember(0, { last: undefined, evaluations: {} });
    if (this.again) this.planner.beginAnew();
    this.best?.goOn(0);
    if (this.again) this.observers.tell("resumed", 0);
    else this.observers.tell("begun");
    await this.watch.during(() => "the first state", this.hosted.initialise(this.program.experiment.seed));
    this.evaluator.forget();
    await this.measureBaselines();
  }

  private async measureBaselines(): Promise<void> {
    const names = this.evaluator.missing;
    await this.watch.during(() => "the baselines", this.evaluator.measureBaselines(this.hosted, names));
    for (const name of names) {
      const { untrained, rawPixels } = this.evaluator.baselinesOf(name);
      this.observers.note(
        `before training: ${name}: untrained net ${headline(untrained!).text}, raw pixels ${headline(rawPixels!).text}`,
      );
      // A number that there is not is said before a step is trained.
      if (name === this.best?.evaluation) this.best.figureIn(untrained!);
    }
  }

  /** What the untrained net scores can be measured later too: its numbers depend on the seed alone. A run goes on without it where that fails. */
  private async completeBaselines(): Promise<void> {
    const lacks = this.evaluator.takeLacks();
    const anew = this.evaluator.missing.length > 0;
    for (const lack of lacks) this.observers.note(anew ? `${lack}; they are measured anew` : lack);
    if (lacks.length === 0 || !anew) return;
    try {
      await this.watch.during(() => "the first state", this.hosted.initialise(this.program.experiment.seed));
      await this.measureBaselines();
    } catch (error) {
      if (!(error instanceof BridgeError) || BRIDGE_BROKEN.has(error.code)) throw error;
      this.observers.note(`the baselines cannot be measured: ${error.code}: ${error.message}`);
    }
  }

  /** Goes to the newest whole checkpoint. Returns false where there is none at all. */
  private async restore(): Promise<boolean> {
    const names = this.checkpoints.names();
    if (names.length > 0) await this.completeBaselines();
    for (const name of names) {
      const why = await this.restoreFrom(name);
      if (why === undefined) return true;
      this.observers.note(`skipping the checkpoint ${name}, which is not whole: ${why}`);
    }
    if (names.length === 0) return false;
    throw bridgeError("no-whole-checkpoint", "user", { count: names.length, folder: this.folder.path });
  }

  /** Goes to a checkpoint. Returns why it cannot, if it is damaged. */
  private async restoreFrom(name: string): Promise<string | undefined> {
    let checkpoint: Checkpoint;
    try {
      checkpoint = this.checkpoints.read(name);
    } catch (error) {
      if (!isDamage(error)) throw error;
      return (error as Error).message;
    }
    this.refuseOther(checkpoint);
    const { info, books, tensors, tensorsHash } = checkpoint;
    try {
      await this.watch.during(
        () => `${name} to be read`,
        this.hosted.restore({ path: tensors, sha256: tensorsHash, next: info.step, seed: info.seed }),
      );
      this.planner.restore(info.step, books);
    } catch (error) {
      const damaged =
        (error instanceof ExperimentError && error.code !== OTHER_CAPACITY) ||
        (error instanceof BridgeError && isDamage(error));
      if (damaged) return error.message;
      throw error;
    }
    const past = this.folder.history.rewind(info.step);
    const known = past.last === undefined ? 0 : past.last.step + 1;
    if (known < info.step)
      this.observers.note(`metrics.jsonl lacks the lines of steps ${known} to ${info.step - 1}`);
    this.remember(info.step, past, info.evaluated);
    this.saved = info.step;
    this.observers.tell("resumed", info.step);
    const where = info.step <= this.end ? `of ${this.end}` : `which is beyond the end, ${this.end}`;
    this.observers.note(`resuming at step ${info.step} ${where}`);
    const best = this.best?.goOn(info.step);
    if (best !== undefined) this.observers.note(best);
    return undefined;
  }

  private refuseOther({ info }: Checkpoint): void {
    const { seed } = this.program.experiment;
    const compared = [
      ["the shapes and names of what is stored", info.weightsHash, this.hashes.weightsHash],
      ["seed", info.seed, seed],
      ...(this.options.sameProgram
        ? []
        : [["the program", info.structureHash, this.hashes.structureHash] as const]),
    ] as const;
    const differences = compared
      .filter(([, was, is]) => was !== is)
      .map(([option, was, is]) => ({ option, was: String(was), is: String(is) }));
    const refusal = refusalOf(this.folder.path, differences);
    if (refusal) throw refusal;
  }

  /** Takes over what the folder's metrics say of the steps before `step`; `recorded`: which evaluations were made, where they don't. */
  private remember(step: number, { last, evaluations }: Past, recorded: Trainer["evaluated"] = {}): void {
    this.done = step;
    this.lastMetrics = (last ?? {}) as Record<string, number>;
    const known = Object.entries(evaluations);
    this.results = Object.fromEntries(known.map(([name, { measured }]) => [name, measured]));
    const before = Object.fromEntries(known.map(([name, { before }]) => [name, before]));
    this.evaluated = { ...recorded, ...before };
  }

  private async train(): Promise<void> {
    this.began = performance.now();
    this.training = true;
    while (this.planner.step < this.end && !this.stopping) {
      if (this.writing?.settled) await this.written();
      if (this.planner.step > 0) await this.pause(this.planner.step);
      await this.watch.during(
        () => `step ${this.done}`,
        this.flight.until(() => this.flight.size < WINDOW || this.stopping),
        this.secondsPerStep(),
      );
      if (this.stopping) break;
      const plan = this.planner.next();
      this.flight.sent(plan.step, plan.scalars);
      await this.hosted.plan(this.planOf(plan));
    }
    await this.drain();
    await this.written();
    if (this.saved !== this.planner.step && this.planner.step > 0) await this.save();
    if (!this.stopping) await this.evaluate(this.planner.step, () => true);
  }

  private planOf({ step, scalars, arrays }: StepPlan): Plan {
    const streams = Object.keys(this.program.setting.streams).map((stream) => [stream, TRAIN]);
    return {
      function: STEP,
      number: step,
      streams: Object.fromEntries(streams),
      scalars,
      arrays,
      finite: this.losses,
    };
  }

  /** Between two steps: begins to save first, then evaluates, where either is due. */
  private async pause(step: number): Promise<void> {
    const due = this.due(this.program.experiment.checkpoint, step);
    const saves = due && this.saved !== step && this.writing?.step !== step;
    const isDue = (every: Every | undefined) => this.due(every, step);
    if (!saves && this.unevaluated(step, isDue).length === 0) return;
    await this.drain();
    if (saves && !this.stopping) await this.beginSaving();
    if (!this.stopping) await this.evaluate(step, isDue);
  }

  private due(every: Every | undefined, step: number): boolean {
    if (!every) return false;
    const period =
      every.unit === "steps"
        ? every.count
        : Math.max(1, Math.round(every.count * this.program.stepsPerEpoch));
    return step % period === 0;
  }

  /** The evaluations that are due before a step and not made yet. */
  private unevaluated(step: number, isDue: (every: Every | undefined) => boolean): readonly string[] {
    return this.evaluator.evaluations
      .filter(({ name, protocol }) => isDue(protocol.every) && this.evaluated[name] !== step)
      .map(({ name }) => name);
  }

  /** Makes the evaluations that are due. One that fails is said, and training goes on; those that a stop cuts off are made after the resume. */
  private async evaluate(step: number, isDue: (every: Every | undefined) => boolean): Promise<void> {
    const names = this.unevaluated(step, isDue);
    if (names.length === 0) return;
    let evaluation: Readonly<Record<string, Measured>>;
    try {
      evaluation = await this.watch.during(
        () => "the evaluation",
        this.evaluator.measure(
          this.hosted,
          this.done === 0 ? "untrained net" : "trained net",
          names,
          (name, error) => this.evaluationFailed(name, step, error),
        ),
      );
    } catch (error) {
      if (error instanceof BridgeError && error.interrupted && this.stopping) return;
      throw error;
    }
    const found = Object.keys(evaluation);
    if (found.length === 0) return;
    // Before anything is told of the evaluation: one that a resume finds told is not made again, and this would be missing.
    await this.keepIfBest(evaluation);
    this.results = { ...this.results, ...evaluation };
    this.evaluated = { ...this.evaluated, ...Object.fromEntries(found.map((name) => [name, step])) };
    this.observers.tell("evaluated", { step, results: evaluation });
    for (const [name, measured] of Object.entries(evaluation)) {
      const first = headline(measured);
      this.observers.note(`step ${step}: ${name}: ${first.name} ${first.text}`);
    }
  }

  /** The best checkpoint is one of those that a resume may begin at: nothing of later steps is known there. */
  private async keepIfBest(evaluation: Readonly<Record<string, Measured>>): Promise<void> {
    const measured = this.best && evaluation[this.best.evaluation];
    if (!this.best || !measured || !this.best.surpassedBy(measured)) return;
    await this.written();
    if (this.saved !== this.planner.step) await this.save();
    this.observers.note(this.best.keep(this.planner.step, measured));
  }

  private evaluationFailed(name: string, step: number, error: BridgeError): void {
    if (BRIDGE_BROKEN.has(error.code) || (error.interrupted && this.stopping)) throw error;
    if (this.failedEvaluation?.message !== error.message)
      this.observers.note(
        `the evaluation \`${name}\` before step ${step} failed: ${error.code}: ${error.message}${step < this.end ? "; training goes on" : ""}`,
      );
    this.failedEvaluation ??= error;
    this.failedBefore[name] = step;
  }

  /** Writes a checkpoint of the point where nothing is in flight. */
  private async save(): Promise<void> {
    await this.beginSaving();
    await this.written();
  }

  /**
   * Begins to write a checkpoint of the point where nothing is in flight; steps may follow at once. Waits for the one before, so that there
   * is never more than one in the making, and throws what kept that from being written.
   */
  private async beginSaving(): Promise<void> {
    await this.written();
    const { seed } = this.program.experiment;
    const { step } = this.planner;
    const info = {
      version: 1 as const,
      step,
      ...this.hashes,
      seed,
      createdAt: new Date().toISOString(),
      evaluated: this.evaluated,
    };
    // The host hears of it before it hears of the next step, and takes the state as it is then.
    const written = this.checkpoints
      .write(info, this.planner.state(), (path) => this.hosted.save(path, this.finite))
      .then(() => {
        this.saved = step;
        this.observers.tell("saved", step);
      });
    const writing: Writing = { step, written, settled: false };
    this.writing = writing;
    const settle = () => {
      writing.settled = true;
    };
    void written.then(settle, settle);
  }

  /** Waits for the checkpoint that is being written, if there is one; throws what kept it from being written. */
  private async written(): Promise<void> {
    const { writing } = this;
    if (!writing) return;
    try {
      await this.watch.during(() => `the checkpoint of step ${writing.step}`, writing.written);
    } finally {
      this.writing = undefined;
    }
  }

  private async finish(): Promise<Summary> {
    const exported = this.done > 0 ? await this.exportNet() : undefined;
    await this.evaluator.plot((name) => this.about(name));
    const before = this.timedSteps === 0 ? this.summaryOfBefore() : undefined;
    const summary: Summary = {
      name: this.program.experiment.name,
      steps: this.done,
      finalLoss: this.lastMetrics.loss ?? null,
      results: Object.fromEntries(
        this.evaluator.evaluations.map(({ name }) => [
          name,
          { trained: this.results[name] ?? null, ...this.evaluator.baselinesOf(name) },
        ]),
      ),
      throughput: before?.throughput ?? {
        imagesPerSecond: this.imagesPerSecond(),
        stepMilliseconds: 1000 * this.secondsPerStep(),
      },
      ...(this.best?.net && { best: this.best.net }),
      irHash: this.hashes.structureHash,
      interrupted: this.stopping && !this.complete,
    };
    this.folder.writeJson(SUMMARY, summary);
    if (exported instanceof BridgeError) throw exported;
    return summary;
  }

  /** Writes the files of the net. One that cannot be written keeps neither the others nor the summary from being there: its error is returned. */
  private async exportNet(): Promise<BridgeError | undefined> {
    const { module, experiment } = this.program;
    let failed: BridgeError | undefined;
    const state = { module, experiment: experiment.name, folder: this.folder.path, step: this.done };
    for (const [to, ending] of Object.entries(this.endings)) {
      const file = this.folder.file(`net${ending}`);
      const exporting = exportNet(this.hosted, to, file, state);
      try {
        const facts = await this.watch.during(() => `${basename(file)} to be exported`, exporting);
        if (facts.length > 0) this.observers.note(`${basename(file)}: ${facts.join(", ")}`);
      } catch (error) {
        const ends = !(error instanceof BridgeError) || BRIDGE_BROKEN.has(error.code);
        if (ends || error.interrupted) throw error;
        failed ??= error;
      }
    }
    return failed;
  }

  /** Whose curves these are, and what the net scored, for a reader who sees nothing else of the run. */
  private about(name: string): readonly string[] {
    const { name: experiment } = this.program.experiment;
    const measured = this.results[name];
    if (!measured) return [experiment];
    const steps = (this.evaluated[name] ?? this.done).toLocaleString("en-US");
    const [[, score]] = rowsOf(name, measured) as [readonly [string, string]];
    return [`${experiment} after ${steps} steps`, `${headline(measured).name} ${score}`];
  }

  /** The summary of the same steps, where a resume had none to make: only it knows how fast they were. */
  private summaryOfBefore(): Summary | undefined {
    const summary = readSummary(this.folder.path);
    return isSummary(summary) && summary.steps === this.done ? summary : undefined;
  }

  /** Whether the run was asked to stop. */
  get stopped(): boolean {
    return this.stopping;
  }

  private get complete(): boolean {
    const { done, end } = this;
    const settled = ({ name }: { readonly name: string }) =>
      this.evaluated[name] === done || this.failedBefore[name] === done;
    return done >= end && this.evaluator.evaluations.every(settled);
  }

  // ---- steps in flight

  private secondsPerStep(): number {
    return this.timedSteps > 0 ? this.busySeconds / this.timedSteps : 0;
  }

  /** By stream; 0 where no step was timed. */
  private imagesPerSecond(): Readonly<Record<string, number>> {
    const perStep = this.secondsPerStep();
    const streams = Object.entries(this.program.setting.streams);
    return Object.fromEntries(
      streams.map(([stream, images]) => [stream, perStep > 0 ? images / perStep : 0]),
    );
  }

  private stepDone({ number: step, metrics, seconds, wait }: PlanResult): void {
    const policies = this.flight.landed(step);
    if (!policies) return;
    this.watch.progressed();
    this.done = step + 1;
    this.lastMetrics = metrics;
    this.busySeconds += seconds + wait;
    this.timedSteps++;
    const shown = Object.fromEntries(
      Object.entries(policies).filter(
        (e): e is [string, number] => typeof e[1] === "number" && !e[0].includes("."),
      ),
    );
    const epoch = (step + 1) / this.program.stepsPerEpoch;
    const perStep = this.secondsPerStep();
    this.observers.tell("step", {
      step,
      steps: this.end,
      epoch,
      metrics,
      policies: shown,
      seconds,
      wait,
      elapsed: (performance.now() - this.began) / 1000,
      imagesPerSecond: this.imagesPerSecond(),
      secondsLeft: (this.end - this.done) * perStep,
    });
    this.flight.wake();
  }

  /** After an error that left the state whole, such as an image that cannot be read: saves the steps since the last checkpoint. */
  private async salvage(error: unknown): Promise<void> {
    if (error instanceof BridgeError && BRIDGE_BROKEN.has(error.code)) return;
    try {
      await this.flight.until(() => this.flight.size === 0).catch(() => {});
      if (this.done === 0 || this.saved === this.done) return;
      this.rewind();
      await this.save();
      this.observers.note(`saved as it was before step ${this.done}`);
    } catch {} // the host refuses to save a state that is not whole, and what went wrong is said anyway
  }

  /** Waits until nothing is in flight. After a stop the host has dropped the plans that it had not begun; the planner takes them back. */
  private async drain(): Promise<void> {
    await this.watch.during(
      () => `step ${this.done}`,
      this.flight.until(() => this.flight.size === 0 || this.flight.dropped),
      this.secondsPerStep(),
    );
    if (this.flight.size > 0) this.rewind();
    this.noteDrained();
  }

  /** Takes back the plans that were not executed. */
  private rewind(): void {
    this.flight.clear();
    this.planner.restore(this.drained.step, this.drained.books);
    this.planner.advance(this.done);
  }

  private noteDrained(): void {
    this.drained = { step: this.planner.step, books: this.planner.state() };
  }
}
