/** @file The experiment: everything that a run needs, in one value. */

import { flip } from "./augmentations/flip.js";
import { experimentError } from "./core/errors.js";
import { isLoader, type Loader, loader } from "./data/loader.js";
import { isProtocol, type Protocol } from "./evaluate/protocol.js";
import type { Every } from "./method/every.js";
import type { MethodBuilder } from "./method/method.js";
import type { Policy } from "./method/plan.js";
import type { Sampler } from "./method/sampler.js";
import type { DataSource } from "./method/source.js";
import { STAGE, type StageKind } from "./method/stage.js";
import type { Follower } from "./observe/follower.js";
import type { ParameterGroups } from "./optimizers/groups.js";
import type { Optimizer } from "./optimizers/optimizer.js";
import { policyOf } from "./schedules/always.js";

export interface ExperimentOptions {
  /** Names the run folder: letters, digits, `-`, `_`, `.`. */
  name: string;
  data: DataSource;
  method: MethodBuilder;
  /** A sampler alone stands for `loader(sampler, flip())`. */
  loader: Loader | Sampler;
  /** One for all trained parameters, or `groups([…])` of them with one each. */
  optimizer: Optimizer | ParameterGroups;
  /** Learning rate, called every step. */
  lr: Policy | number;
  /** Length of the run, in passes over the images, or in steps. One of the two. */
  epochs?: number;
  steps?: number;
  /** How the net is scored: a protocol, or several by names of your own. */
  evaluate?: Protocol | Readonly<Record<string, Protocol>>;
  /** Where the run is watched, beside the terminal: `[tensorboard()]`. */
  observe?: readonly Follower[];
  /** The seed of everything random: initial weights, order of the images, flips. */
  seed?: number;
  /** How often a checkpoint is written; the end of the run always is one. */
  checkpoint?: Every;
  /**
   * Also keeps the checkpoint whose net scored best, by a number of an evaluation: `"lfw.accuracy"`; `"lfw"` goes by its first number.
   * `f2c-dsl export RUN --checkpoint best` takes it.
   */
  keepBest?: string;
  /** `auto` takes a CUDA device if there is one. */
  device?: "auto" | "cpu" | "cuda" | `cuda:${number}`;
  /** How the host executes the step. */
  backend?: "torchscript" | "eager" | "inductor";
  /**
   * The type in which the step's convolutions and matrix products are computed; parameters and sums stay f32. With `f16` the
   * loss is scaled. Embeddings for evaluation and export are computed in f32. On a CPU narrow types take longer than f32.
   */
  precision?: "f32" | "bf16" | "f16";
  /** How images lie in memory; `channels_last` suits tensor cores, and the CPU's convolutions. Changes no result but rounding. */
  layout?: "contiguous" | "channels_last";
  /**
   * Steps for one update: the optimizer gets the mean of their gradients. Writes that depend on no image, such as the twin's
   * moving average, happen once an update. A schedule is called at every step; the learning rate of the last one is used.
   */
  accumulate?: number;
  /** The files that the trained net is left in: `net.pt`, `net.safetensors`, `net.onnx`, `net.insightface.onnx`. The first two unless given. See docs/exporting.md. */
  export?: readonly Exporter[];
}

/** An exporter of the host by its name. The host may have more than these; a run asks it before the first step. */
export type Exporter =
  | "torchscript"
  | "safetensors"
  | "onnx"
  | "insightface"
  | (string & Record<never, never>);

/** What an experiment may be a function of: numbers, booleans and texts by name. */
export type Options = Readonly<Record<string, number | boolean | string>>;
/** Options as the experiment gets them: of the defaults' types, not their values. */
export type Chosen<O extends Options> = {
  readonly [K in keyof O]: O[K] extends number ? number : O[K] extends boolean ? boolean : string;
};

/** Makes the experiment again with other values of its options; absent where it has none. */
export const WITH_OPTIONS = Symbol.for("f2c-dsl.with-options");
export const EXPERIMENT = Symbol.for("f2c-dsl.experiment");
export type Experiment = Readonly<
  Required<
    Omit<ExperimentOptions, "epochs" | "steps" | "evaluate" | "checkpoint" | "keepBest" | "lr" | "loader">
  >
> & {
  readonly [EXPERIMENT]: true;
  readonly [STAGE]: StageKind<Experiment>;
  readonly [WITH_OPTIONS]?: (chosen: Options) => Experiment;
  /** The values of its options; none where it is no function of options. */
  readonly options: Options;
  readonly lr: Policy;
  readonly loader: Loader;
  readonly length: Every;
  /** By name; one that was given without a name has that of its kind. */
  readonly evaluate: Readonly<Record<string, Protocol>>;
  readonly checkpoint: Every;
  readonly keepBest: string | undefined;
};

/**
 * An experiment. `export default` it from the file that `f2c-dsl run` gets.
 *
 * `experiment({ lr: 0.05, width: 0.5 }, (o) => ({ … }))` is one for these values of `o`; `--set lr=0.02` chooses another, of the
 * same type, and `f2c-dsl sweep` tries several.
 */
export function experiment(options: ExperimentOptions): Experiment;
export function experiment<O extends Options>(
  defaults: O,
  make: (o: Chosen<O>) => ExperimentOptions,
): Experiment;
export function experiment<O extends Options>(
  first: ExperimentOptions | O,
  make?: (o: Chosen<O>) => ExperimentOptions,
): Experiment {
  return make === undefined ? made(first as ExperimentOptions) : madeWith(first as O, make);
}

function madeWith<O extends Options>(options: O, make: (o: Chosen<O>) => ExperimentOptions): Experiment {
  for (const [option, value] of Object.entries(options)) {
    const usable =
      typeof value === "number" ? Number.isFinite(value) : /^(boolean|string)$/.test(typeof value);
    if (!usable) throw experimentError("bad-option", { option, value: String(value) });
    if (!/^[A-Za-z_]\w*$/.test(option)) throw experimentError("bad-option.name", { option });
  }
  return Object.freeze({
    ...made(make(Object.freeze({ ...options }) as unknown as Chosen<O>)),
    options: Object.freeze({ ...options }),
    [WITH_OPTIONS]: (chosen: Options) => madeWith({ ...options, ...chosen }, make),
  });
}

function made(options: ExperimentOptions): Experiment {
  const { name, epochs, steps, lr, seed = 0 } = options;
  if (!/^[\w.-]+$/.test(name ?? "")) throw experimentError("bad-experiment.name", { name: String(name) });
  if (epochs === undefined && steps === undefined)
    throw experimentError("bad-experiment.no-length", { name });
  if (epochs !== undefined && steps !== undefined)
    throw experimentError("bad-experiment.two-lengths", { name, epochs, steps });
  if (typeof lr === "number" && !(Number.isFinite(lr) && lr >= 0))
    throw experimentError("bad-experiment.lr", { name, lr });
  const length = (epochs ?? steps)!;
  if (!(length > 0) || (steps !== undefined && !Number.isInteger(steps)))
    throw experimentError("bad-experiment.length", { name, length });
  const { accumulate = 1, precision = "f32" } = options;
  if (!Number.isInteger(accumulate) || accumulate < 1)
    throw experimentError("bad-experiment.accumulate", { name, accumulate });
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
    throw experimentError("bad-experiment.seed", { name, seed });
  const { observe = [] } = options;
  const twice = observe.find(({ tool }, i) => observe.findIndex((other) => other.tool === tool) !== i);
  if (twice) throw experimentError("bad-experiment.observe", { name, tool: twice.tool });
  const evaluate = byName(name, options.evaluate);
  return Object.freeze({
    [EXPERIMENT]: true as const,
    [STAGE]: TRAINING,
    options: Object.freeze({}),
    name,
    data: options.data,
    method: options.method,
    loader: isLoader(options.loader) ? options.loader : loader(options.loader, flip()),
    optimizer: options.optimizer,
    lr: policyOf(lr),
    length: { unit: epochs === undefined ? ("steps" as const) : ("epochs" as const), count: length },
    evaluate,
    observe,
    seed,
    checkpoint: options.checkpoint ?? { unit: "epochs" as const, count: 1 },
    keepBest: knownBest(name, options.keepBest, evaluate),
    device: options.device ?? "auto",
    backend: options.backend ?? "torchscript",
    precision,
    layout: options.layout ?? "contiguous",
    accumulate,
    export: Object.freeze([...(options.export ?? ["torchscript", "safetensors"])]),
  });
}

/** An experiment as a stage of a study. */
const TRAINING: StageKind<Experiment> = {
  kind: "training",
  called: ({ name }) => `the experiment "${name}"`,
  needs: ({ data }) => data.needs ?? [],
};

/** Protocols by name: names of files, and of what observers are told. */
function byName(experiment: string, given: ExperimentOptions["evaluate"]): Experiment["evaluate"] {
  if (given === undefined) return {};
  const named = isProtocol(given) ? { [given.kind]: given } : given;
  for (const [name, protocol] of Object.entries(named)) {
    if (!isProtocol(protocol))
      throw experimentError("bad-experiment.no-protocol", { name: experiment, evaluation: name });
    if (!/^[A-Za-z][\w-]*$/.test(name))
      throw experimentError("bad-experiment.evaluation-name", { name: experiment, evaluation: name });
  }
  return Object.freeze({ ...named });
}

/** Which numbers an evaluation gives is known once it was made; which evaluations there are is known here. */
function knownBest(
  experiment: string,
  best: string | undefined,
  evaluate: Experiment["evaluate"],
): string | undefined {
  if (best === undefined) return undefined;
  const [evaluation] = best.split(".") as [string];
  if (Object.hasOwn(evaluate, evaluation)) return best;
  const known = Object.keys(evaluate);
  throw known.length === 0
    ? experimentError("best-of-unknown.nothing", { name: experiment, best })
    : experimentError("best-of-unknown", { name: experiment, evaluation, known: known.join(", ") });
}

export const isExperiment = (value: unknown): value is Experiment =>
  typeof value === "object" && value !== null && EXPERIMENT in value;
