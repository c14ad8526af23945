/** @file The best net so far, by a number of an evaluation: what a new one must surpass, and its checkpoint, which is kept. */
import type { Figure, Measured } from "../../dsl/index.js";
import { bridgeError } from "../bridge/bridge-error.js";
import { type Best, BestCheckpoints } from "../run/best-checkpoint.js";
import { type Checkpoints, stepOf } from "../run/checkpoints.js";
import { figureText } from "../run/measured.js";

/** The best net as a summary tells it. */
export interface BestNet {
  readonly by: string;
  readonly value: number;
  /** The step before which the net was this one. */
  readonly step: number;
}

export class BestSoFar {
  /** Names of evaluations have no dot; those of numbers may, as in `TAR at FAR 0.001`. */
  readonly evaluation: string;
  private readonly number: string | undefined;
  private readonly kept: BestCheckpoints;
  private best: BestNet | undefined;

  /** `by`: as an experiment names it. `of`: a hash of what the evaluation compares. */
  constructor(
    private readonly by: string,
    private readonly of: string,
    private readonly checkpoints: Checkpoints,
  ) {
    const dot = by.indexOf(".");
    this.evaluation = dot < 0 ? by : by.slice(0, dot);
    this.number = dot < 0 ? undefined : by.slice(dot + 1);
    this.kept = new BestCheckpoints(checkpoints.folder);
  }

  get net(): BestNet | undefined {
    return this.best;
  }

  /** The run goes on from `step`. Returns what is to be said of the best until then. */
  goOn(step: number): string | undefined {
    this.kept.rewind(step);
    const [name] = this.kept.names();
    const known = name === undefined ? undefined : this.kept.bestOf(name);
    const comparable = known !== undefined && known.by === this.by && known.of === this.of;
    this.best = comparable ? { by: known.by, value: known.value, step: stepOf(name!) } : undefined;
    if (name === undefined) return undefined;
    return comparable
      ? `the best by ${this.by} so far is that of step ${stepOf(name)}`
      : `${name} was the best by another number, or on other images: the next evaluation begins anew`;
  }

  /** Throws F2C6220 where the evaluation gives no such number. */
  figureIn(measured: Measured): readonly [name: string, figure: Figure] {
    const figures = Object.entries(measured.numbers);
    const found = this.number === undefined ? figures[0] : figures.find(([name]) => name === this.number);
    if (found) return found;
    throw bridgeError("best-by-no-number", "user", {
      evaluation: this.evaluation,
      number: this.number ?? "",
      known: figures.map(([name]) => `\`${name}\``).join(", ") || "none",
    });
  }

  /** Whether a measurement surpasses the best so far; equally good nets do not. */
  surpassedBy(measured: Measured): boolean {
    const [, { value, better }] = this.figureIn(measured);
    if (value === null || Number.isNaN(value)) return false;
    if (this.best === undefined) return true;
    return better === "lower" ? value < this.best.value : value > this.best.value;
  }

  /** Keeps the newest checkpoint, that of `step`, as the best. Returns what is to be said of it. */
  keep(step: number, measured: Measured): string {
    const [name, figure] = this.figureIn(measured);
    const best: Best = { by: this.by, value: figure.value!, of: this.of };
    this.kept.keep(step, best, stepOf(this.checkpoints.names().at(-1)!));
    this.best = { by: this.by, value: figure.value!, step };
    return `step ${step} is the best so far: ${this.evaluation}: ${name} ${figureText(figure)}`;
  }
}
