/** @file The experiment: everything that a run needs, in one value. */

import { flip } from "./augmentations/flip.js";
import { isLoader, type Loader, loader } from "./data/loader.js";
import type { Sampler } from "./data/sampler.js";
import type { DataSource } from "./data/source.js";
import { ExperimentError } from "./errors.js";
import type { Every, Verification } from "./evaluate.js";
import type { MethodBuilder, Policy } from "./method.js";
import type { Follower } from "./observe/index.js";
import type { Optimizer } from "./optimizer.js";
import { always } from "./schedule.js";

export interface ExperimentOptions {
  /** Names the run folder: letters, digits, `-`, `_`, `.`. */
  name: string;
  data: DataSource;
  method: MethodBuilder;
  /** A sampler alone stands for `loader(sampler, flip())`. */
  loader: Loader | Sampler;
  optimizer: Optimizer;
  /** Learning rate, called every step. */
  lr: Policy | number;
  /** Length of the run, in passes over the images, or in steps. One of the two. */
  epochs?: number;
  steps?: number;
  evaluate?: Verification;
  /** Where the run is watched, beside the terminal: `[tensorboard()]`. */
  observe?: readonly Follower[];
  /** Of everything random: initial weights, order of the images, flips. */
  seed?: number;
  /** How often a checkpoint is written; the end of the run always is one. */
  checkpoint?: Every;
  /** `auto` takes a CUDA device if there is one. */
  device?: "auto" | "cpu" | "cuda" | `cuda:${number}`;
  /** How the host executes the step. */
  backend?: "torchscript" | "eager" | "inductor";
  /**
   * What convolutions and matrix products of the step are computed in; parameters and sums stay f32. `f16` scales its loss.
   * Embeddings for evaluation and export are computed in f32.
   */
  precision?: "f32" | "bf16" | "f16";
  /** How images lie in memory; `channels_last` suits tensor cores, and the CPU's convolutions. Changes no result but rounding. */
  layout?: "contiguous" | "channels_last";
  /**
   * Steps an update: the optimizer gets the mean of their gradients, and what depends on no image (the twin's average)
   * happens once. A schedule sees every step; the learning rate of the last one counts.
   */
  accumulate?: number;
}

export const EXPERIMENT = Symbol.for("f2c-dsl.experiment");
export type Experiment = Readonly<
  Required<Omit<ExperimentOptions, "epochs" | "steps" | "evaluate" | "checkpoint" | "lr" | "loader">>
> & {
  readonly [EXPERIMENT]: true;
  readonly lr: Policy;
  readonly loader: Loader;
  readonly length: Every;
  readonly evaluate: Verification | undefined;
  readonly checkpoint: Every;
};

/** An experiment. `export default` it from the file that `f2c-dsl run` gets. */
export function experiment(options: ExperimentOptions): Experiment {
  const { name, epochs, steps, lr, seed = 0 } = options;
  const refuse = (message: string, hint: string): never => {
    throw new ExperimentError("F2C2104", `experiment "${name}": ${message}`, hint);
  };
  if (!/^[\w.-]+$/.test(name ?? ""))
    refuse("the name is not usable as a folder", "letters, digits, - _ and . only");
  if (epochs === undefined && steps === undefined)
    refuse("how long it trains is missing", "give `epochs` or `steps`");
  if (epochs !== undefined && steps !== undefined)
    refuse(`both \`epochs\` (${epochs}) and \`steps\` (${steps}) are given`, "keep one of them");
  if (typeof lr === "number" && !(Number.isFinite(lr) && lr >= 0))
    refuse(`\`lr\` is ${lr}`, "a learning rate is a finite number from 0 up");
  const count = (epochs ?? steps)!;
  if (!(count > 0) || (steps !== undefined && !Number.isInteger(steps)))
    refuse(`a length of ${count}`, "give a number above 0; steps are whole");
  const { accumulate = 1, precision = "f32" } = options;
  if (!Number.isInteger(accumulate) || accumulate < 1)
    refuse(`accumulate ${accumulate}`, "give the number of steps an update, a whole number from 1 up");
  if (accumulate > 1 && precision === "f16")
    refuse("f16 with accumulated gradients", 'take precision "bf16", which needs no loss scale');
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
    refuse(`seed ${seed}`, "give a whole number from 0 to 4294967295");
  const { observe = [] } = options;
  const twice = observe.find(({ tool }, i) => observe.findIndex((other) => other.tool === tool) !== i);
  if (twice) refuse(`\`observe\` has ${twice.tool} twice`, "keep one of them");
  return Object.freeze({
    [EXPERIMENT]: true as const,
    name,
    data: options.data,
    method: options.method,
    loader: isLoader(options.loader) ? options.loader : loader(options.loader, flip()),
    optimizer: options.optimizer,
    lr: typeof lr === "number" ? always(lr) : lr,
    length: { unit: epochs === undefined ? ("steps" as const) : ("epochs" as const), count },
    evaluate: options.evaluate,
    observe,
    seed,
    checkpoint: options.checkpoint ?? { unit: "epochs" as const, count: 1 },
    device: options.device ?? "auto",
    backend: options.backend ?? "torchscript",
    precision,
    layout: options.layout ?? "contiguous",
    accumulate,
  });
}

export const isExperiment = (value: unknown): value is Experiment =>
  typeof value === "object" && value !== null && EXPERIMENT in value;
