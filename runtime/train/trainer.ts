/**
 * @file The run: plans ahead, keeps a few steps in flight, evaluates and saves where the experiment says, and ends with what
 * a user needs. The loop in `train` reads top to bottom.
 */
import { type Program, structureHash, weightsHash } from "../../compiler/index.js";
import type { BookState, Every } from "../../dsl/index.js";
import { twinParts } from "../../dsl/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import type { HostClient, StepDone } from "../bridge/host-client.js";
import { makePairs, type Pairs } from "../evaluate/pairs.js";
import { type Curve, rocSvg } from "../evaluate/roc-plot.js";
import { roc, tarAtFar, tenFold } from "../evaluate/verification.js";
import { Checkpoints } from "../run/checkpoints.js";
import type { Progress } from "../run/progress.js";
import type { RunFolder } from "../run/run-folder.js";
import type { Summary } from "../run/summary.js";
import { HostSession } from "./host-session.js";
import { Planner } from "./planner.js";

/** Plans sent ahead of the step that runs: enough to hide the bridge and the reading of images. */
const WINDOW = 4;
const FOLDS = 10;

export interface TrainOptions {
  readonly device: string;
  readonly backend: string;
  readonly threads?: number | undefined;
  readonly resume: boolean;
  /** How often a host that died is started anew from the last checkpoint. */
  readonly restarts: number;
  /** Starts a host. */
  readonly start: () => Promise<HostClient>;
}

interface Evaluation {
  readonly accuracy: number;
  readonly std: number;
  readonly pairs: number;
  readonly tarAtFar: Readonly<Record<string, number | null>>;
}

/** One run of an experiment in a folder. */
export class Trainer {
  private readonly planner: Planner;
  private readonly checkpoints: Checkpoints;
  private readonly hashes: { structureHash: string; weightsHash: string };
  private readonly pairs: Pairs | undefined;
  private readonly imagesPerStep: number;
  private readonly galleryImagesPerStep: number;
  private host!: HostSession;

  /** Steps sent and not yet reported: their policies, and what waits for a place in the window. */
  private readonly inFlight = new Map<number, Readonly<Record<string, number | boolean>>>();
  private wake: (() => void) | undefined;
  private failure: BridgeError | undefined;
  private stopped: number | undefined;
  private interrupted = false;
  private done = 0;
  private lastMetrics: Readonly<Record<string, number>> = {};
  private busySeconds = 0;
  private timedSteps = 0;
  /** When the first plan was made. */
  private began = 0;
  /** Where the planner stood when nothing was in flight: rewinding starts here. */
  private settled: { step: number; books: Readonly<Record<string, BookState>> };
  private baselines: { untrained: number | null; rawPixels: number | null } = {
    untrained: null,
    rawPixels: null,
  };
  private evaluation: Evaluation | undefined;
  private curves: Curve[] = [];

  constructor(
    private readonly program: Program,
    private readonly folder: RunFolder,
    private readonly progress: Progress,
    private readonly options: TrainOptions,
  ) {
    this.planner = new Planner(program);
    this.settled = { step: 0, books: this.planner.state() };
    this.checkpoints = new Checkpoints(folder.file("checkpoints"));
    this.hashes = { structureHash: structureHash(program.module), weightsHash: weightsHash(program.module) };
    const { evaluate } = program.experiment;
    this.pairs = evaluate
      ? makePairs(program.heldOut.offsets, { ...evaluate, folds: FOLDS, seed: program.experiment.seed })
      : undefined;
    const streams = Object.values(program.setting.streams).reduce((a, b) => a + b, 0);
    this.imagesPerStep = streams;
    this.galleryImagesPerStep = Object.values(program.state).some((item) => twinParts(item)) ? streams : 0;
  }

  /** Runs the experiment to its end, or to an interruption, which saves. */
  async run(first: Promise<HostClient>): Promise<Summary> {
    let restarts = this.options.restarts;
    let starting = first;
    for (let resume = this.options.resume; ; resume = true) {
      try {
        await this.prepare(await starting, resume);
        await this.train();
        break;
      } catch (error) {
        await this.host?.client.shutdown().catch(() => {});
        const died = error instanceof BridgeError && error.code === "F2C6006";
        if (!died || restarts-- <= 0 || this.interrupted || !this.checkpoints.latest()) throw error;
        this.progress.note(`${error.message}\nstarting it again from the last checkpoint`);
        starting = this.options.start();
      }
    }
    const summary = await this.finish();
    await this.host.client.shutdown();
    return summary;
  }

  /** Asks the run to end after the running step. */
  async interrupt(): Promise<void> {
    this.interrupted = true;
    this.notify();
    await this.host?.client.stop();
  }

  private async prepare(client: HostClient, resume: boolean): Promise<void> {
    this.host = new HostSession(client, this.program);
    client.events = {
      onStep: (done) => this.stepDone(done),
      onStopped: (step) => {
        this.stopped = step;
        this.notify();
      },
      onFailed: (error) => {
        this.failure ??= error;
        this.notify();
      },
      onLog: (level, message) => this.progress.note(`host ${level}: ${message}`),
    };
    void client.died.then((error) => {
      this.failure ??= error;
      this.notify();
    });
    this.failure = undefined;
    this.stopped = undefined;
    this.inFlight.clear();
    await this.host.load(this.options);
    if (resume) await this.restore();
    else await this.begin();
    this.settle();
  }

  private async begin(): Promise<void> {
    await this.host.initialise();
    const { evaluate } = this.program.experiment;
    if (!this.pairs || !evaluate?.baselines) return;
    const [untrained, rawPixels] = [await this.measure("embeddings"), await this.measure("pixels")];
    this.baselines = { untrained: untrained.accuracy, rawPixels: rawPixels.accuracy };
    this.folder.writeJson("baselines.json", { ...this.baselines });
    this.progress.note(
      `before training: untrained net ${(100 * untrained.accuracy).toFixed(2)} %, raw pixels ${(100 * rawPixels.accuracy).toFixed(2)} % on ${this.pairs.same.length} pairs`,
    );
  }

  private async restore(): Promise<void> {
    const skipped = (folder: string, why: string) =>
      this.progress.note(`skipping a checkpoint that is not whole: ${folder}: ${why}`);
    const checkpoint = this.checkpoints.latest(skipped);
    if (!checkpoint)
      throw new BridgeError(
        "F2C6402",
        "user",
        `there is no run to resume in ${this.folder.path}: it holds no checkpoint`,
        "start it anew in another folder",
      );
    const { info } = checkpoint;
    if (
      info.weightsHash !== this.hashes.weightsHash ||
      info.structureHash !== this.hashes.structureHash ||
      info.seed !== this.program.experiment.seed
    ) {
      const what =
        info.weightsHash !== this.hashes.weightsHash
          ? "its parameters and states"
          : info.seed !== this.program.experiment.seed
            ? "its seed"
            : "its program";
      throw new BridgeError(
        "F2C6403",
        "user",
        `the checkpoint in ${this.folder.path} belongs to another experiment: ${what} differ`,
        "resume with the experiment as it was (a copy lies in source/), or start a new run",
      );
    }
    await this.host.restore(checkpoint.tensors, info.step);
    this.planner.restore(info.step, checkpoint.books);
    this.folder.truncateMetrics(info.step);
    this.done = info.step;
    this.baselines = this.folder.readJson("baselines.json") ?? this.baselines;
    this.progress.note(`resuming at step ${info.step} of ${this.program.steps}`);
  }

  private async train(): Promise<void> {
    const { steps, experiment } = this.program;
    this.began = performance.now();
    while (this.planner.step < steps && !this.interrupted) {
      const step = this.planner.step;
      if (step > this.settled.step && this.due(experiment.evaluate?.every, step)) await this.evaluate(step);
      if (step > this.settled.step && this.due(experiment.checkpoint, step)) await this.save();
      await this.until(() => this.inFlight.size < WINDOW || this.interrupted);
      if (this.interrupted) break;
      const plan = this.planner.next();
      this.inFlight.set(plan.step, plan.scalars);
      await this.host.plan(plan);
    }
    if (this.interrupted) await this.halt();
    else await this.drain();
    this.progress.end();
  }

  /** After an interruption: the host has dropped the plans that it had not begun; the planner goes back to the same point. */
  private async halt(): Promise<void> {
    await this.until(() => this.stopped !== undefined);
    const next = Math.max(this.stopped! + 1, this.done);
    this.inFlight.clear();
    this.planner.restore(this.settled.step, this.settled.books);
    this.planner.advance(next);
    await this.save();
  }

  private due(every: Every | undefined, step: number): boolean {
    if (!every) return false;
    const period =
      every.unit === "steps"
        ? every.count
        : Math.max(1, Math.round(every.count * this.program.stepsPerEpoch));
    return step % period === 0;
  }

  private async evaluate(step: number): Promise<void> {
    await this.drain();
    if (!this.pairs) return;
    const evaluation = await this.measure("embeddings");
    this.evaluation = evaluation;
    this.folder.log({
      step: step - 1,
      verification: { accuracy: evaluation.accuracy, std: evaluation.std, tarAtFar: evaluation.tarAtFar },
    });
    this.progress.note(
      `step ${step}: verification ${(100 * evaluation.accuracy).toFixed(2)} % ± ${(100 * evaluation.std).toFixed(2)} %`,
    );
  }

  private async measure(of: "embeddings" | "pixels"): Promise<Evaluation> {
    const pairs = this.pairs!;
    const similarity = await this.host.similarities(pairs, of);
    const fars = this.program.experiment.evaluate!.far;
    const label = of === "pixels" ? "raw pixels" : this.done === 0 ? "untrained net" : "trained net";
    this.curves = [
      { label, points: roc(similarity, pairs.same) },
      ...this.curves.filter((c) => c.label !== label),
    ];
    return {
      ...tenFold(similarity, pairs.same, FOLDS),
      pairs: pairs.same.length,
      tarAtFar: tarAtFar(similarity, pairs.same, fars),
    };
  }

  /** Writes a checkpoint of the point where nothing is in flight. */
  private async save(): Promise<void> {
    await this.drain();
    const { seed } = this.program.experiment;
    const info = {
      version: 1 as const,
      step: this.planner.step,
      ...this.hashes,
      seed,
      createdAt: new Date().toISOString(),
    };
    await this.checkpoints.write(info, this.planner.state(), (path) => this.host.save(path));
  }

  private async finish(): Promise<Summary> {
    if (!this.interrupted) {
      if (this.program.experiment.evaluate) await this.evaluate(this.planner.step);
      await this.save();
    }
    const files = [this.folder.file("probe.pt"), this.folder.file("probe.safetensors")] as const;
    await this.host.export(...files);
    if (this.curves.length) this.folder.write("roc.svg", rocSvg(this.curves));
    const rate = (images: number) =>
      this.busySeconds > 0 ? (images * this.timedSteps) / this.busySeconds : 0;
    const summary: Summary = {
      name: this.program.experiment.name,
      steps: this.done,
      finalLoss: this.lastMetrics.loss ?? null,
      verification: this.evaluation ?? null,
      baselines: this.baselines,
      throughput: {
        probeImagesPerSecond: rate(this.imagesPerStep),
        galleryImagesPerSecond: rate(this.galleryImagesPerStep),
        stepMilliseconds: this.timedSteps ? (1000 * this.busySeconds) / this.timedSteps : 0,
      },
      irHash: this.hashes.structureHash,
      interrupted: this.interrupted,
    };
    this.folder.writeJson("summary.json", summary);
    return summary;
  }

  // ---- steps in flight

  private stepDone({ step, metrics, seconds, wait }: StepDone): void {
    const policies = this.inFlight.get(step);
    if (!policies) return;
    this.inFlight.delete(step);
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
    const elapsed = (performance.now() - this.began) / 1000;
    this.folder.log({ step, epoch, ...metrics, ...shown, seconds, wait, elapsed });
    const perStep = this.busySeconds / this.timedSteps;
    this.progress.show({
      step: this.done,
      steps: this.program.steps,
      epoch,
      metrics,
      policies: shown,
      probePerSecond: this.imagesPerStep / perStep,
      galleryPerSecond: this.galleryImagesPerStep / perStep,
      secondsLeft: (this.program.steps - this.done) * perStep,
    });
    this.notify();
  }

  private notify(): void {
    this.wake?.();
    this.wake = undefined;
  }

  /** Waits until `ready`; throws as soon as the host has failed. */
  private async until(ready: () => boolean): Promise<void> {
    for (;;) {
      if (this.failure) throw this.failure;
      if (ready()) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private async drain(): Promise<void> {
    await this.until(() => this.inFlight.size === 0);
    this.settle();
  }

  private settle(): void {
    this.settled = { step: this.planner.step, books: this.planner.state() };
  }
}
