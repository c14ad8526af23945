/** @file The planner: runs the experiment's plan, step by step, in Node. Its state is small and belongs into checkpoints. */
import { flattenPlan, planPoint } from "../../compiler/build/plan-signature.js";
import { ACCUMULATE_FIRST, ACCUMULATE_LAST, openBooks, type Program } from "../../compiler/index.js";
import {
  type Book,
  type BookState,
  ExperimentError,
  type LoadedImages,
  type StepPoint,
} from "../../dsl/index.js";

/** All that the host needs for one step. */
export interface StepPlan {
  readonly step: number;
  readonly scalars: Readonly<Record<string, number | boolean>>;
  readonly arrays: Readonly<Record<string, Int32Array | Uint8Array | Float32Array>>;
}

/** Plans steps in order. A pure function of the seed and the step, but for the books, which `state` holds. */
export class Planner {
  private readonly loader;
  private readonly books: Record<string, Book>;
  private planned: number;

  constructor(private readonly program: Program) {
    this.loader = program.experiment.loader.open(program.train.offsets, program.experiment.seed);
    this.books = openBooks(program.state) as Record<string, Book>;
    this.planned = 0;
  }

  /** The step that `next` will plan. */
  get step(): number {
    return this.planned;
  }

  point(step: number): StepPoint {
    return planPoint(step, this.program.stepsPerEpoch, this.program.steps);
  }

  /** Plans the next step. */
  next(): StepPlan {
    const step = this.planned;
    const { experiment, method, signature } = this.program;
    const at = this.point(step);
    const batch = this.loader.batch(step) as Readonly<Record<string, LoadedImages>>;
    const flat = flattenPlan(method.plan(this.books as never, batch, at), signature, step);
    const arrays: Record<string, Int32Array | Uint8Array | Float32Array> = { ...flat.arrays };
    for (const [stream, { images, changes }] of Object.entries(batch)) {
      arrays[`${stream}.images`] = images;
      for (const [name, data] of Object.entries(changes)) arrays[`${stream}.${name}`] = data;
    }
    this.planned = step + 1;
    const scalars = { ...flat.scalars, lr: experiment.lr(at), ...windowOf(step, experiment.accumulate) };
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
      if (!saved)
        throw new ExperimentError(
          "F2C2306",
          `the checkpoint lacks the book of \`${name}\``,
          "resume from the checkpoint before it, or start the run anew",
        );
      book.restore(saved);
    }
    this.planned = step;
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
