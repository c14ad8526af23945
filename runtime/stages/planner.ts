/** @file The planner: runs the experiment's plan, step by step, in Node. Its state is small and belongs into checkpoints. */

import { updateNumbers } from "../../compiler/build/parameter-groups.js";
import { batchArrays, flattenPlan, learningRate, planPoint } from "../../compiler/build/plan-signature.js";
import { randomNumbers } from "../../compiler/build/random-inputs.js";
import { experimentError, inWords } from "../../compiler/diagnostics/catalogue.js";
import {
  ACCUMULATE_FIRST,
  ACCUMULATE_LAST,
  type CompiledExperiment,
  openBooks,
} from "../../compiler/index.js";
import {
  type Book,
  type BookState,
  ExperimentError,
  type LoadedImages,
  type StepPoint,
} from "../../dsl/index.js";
import { asked } from "./asked.js";

/** What is decided for one step. */
export interface StepPlan {
  readonly step: number;
  readonly scalars: Readonly<Record<string, number | boolean>>;
  readonly arrays: Readonly<Record<string, Int32Array | Uint8Array | Float32Array>>;
}

/** The experiment's plan, or a policy of it, threw. */
export class PlanFailed extends ExperimentError {
  constructor(policy: string, step: number, error: string) {
    super(inWords("plan-threw", { policy, step, error }));
  }
}

/** Asks what decides a step. */
const answerTo = <T>(policy: string, step: number, question: () => T): T =>
  asked(question, (error) => new PlanFailed(policy, step, error));

/** Plans steps in order. A pure function of the seed and the step, but for the books, which `state` holds. */
export class Planner {
  private readonly loader;
  private books: Record<string, Book>;
  private planned: number;
  /** Names of what the step is given. */
  private readonly inputs: ReadonlySet<string>;

  constructor(private readonly program: CompiledExperiment) {
    this.loader = program.experiment.loader.open(program.train.offsets, program.experiment.seed);
    this.books = openBooks(program.state) as Record<string, Book>;
    this.planned = 0;
    const step = program.module.functions.find(({ name }) => name === "step");
    this.inputs = new Set(step?.inputs.map(({ value }) => value.name));
  }

  /** The step that `next` will plan. */
  get step(): number {
    return this.planned;
  }

  point(step: number): StepPoint {
    return planPoint(step, this.program.stepsPerEpoch, this.program.steps);
  }

  /** Plans the next step. Throws an ExperimentError where the experiment's plan or its policies do, or give what cannot be. */
  next(): StepPlan {
    const step = this.planned;
    const { experiment, method, signature } = this.program;
    const at = this.point(step);
    const batch = answerTo("the loader", step, () => this.loader.batch(step)) as Readonly<
      Record<string, LoadedImages>
    >;
    const plan = answerTo("the plan", step, () => method.plan(this.books as never, batch, at));
    const lr = answerTo("the policy `lr`", step, () => learningRate(experiment.lr, at));
    const flat = flattenPlan(plan, signature, step);
    const arrays = { ...flat.arrays, ...batchArrays(batch, this.program.changes, step) };
    this.planned = step + 1;
    const numbers = updateNumbers(this.program.updates, at, lr, experiment.accumulate, (policy, name) =>
      answerTo(`the policy \`${name}\``, step, () => learningRate(policy, at, name)),
    );
    const given = { ...numbers, ...randomNumbers(experiment.seed, step) };
    const used = Object.entries(given).filter(([name]) => this.inputs.has(name));
    const scalars = {
      ...flat.scalars,
      lr,
      ...Object.fromEntries(used),
      ...windowOf(step, experiment.accumulate),
    };
    return { step, scalars, arrays };
  }

  /** A copy of the books as they are before `step`. */
  state(): Readonly<Record<string, BookState>> {
    return Object.fromEntries(Object.entries(this.books).map(([name, book]) => [name, book.state()]));
  }

  /** Goes back, or forward, to where `state` was taken. What is no such state is refused, and may leave the planner nowhere. */
  restore(step: number, state: Readonly<Record<string, BookState>>): void {
    for (const [name, book] of Object.entries(this.books)) {
      const saved = state[name];
      if (!saved) throw experimentError("book-missing", { name });
      book.restore(saved);
    }
    this.planned = step;
  }

  /** Goes back to where nothing is planned. */
  beginAnew(): void {
    this.books = openBooks(this.program.state) as Record<string, Book>;
    this.planned = 0;
  }

  /** Plans and throws away until `step` is next. */
  advance(step: number): void {
    while (this.planned < step) this.next();
  }
}

/** Where a step stands among those of one update. */
const windowOf = (step: number, steps: number): Record<string, boolean> =>
  steps === 1
    ? {}
    : { [ACCUMULATE_FIRST]: step % steps === 0, [ACCUMULATE_LAST]: step % steps === steps - 1 };
