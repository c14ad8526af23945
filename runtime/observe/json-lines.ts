/**
 * @file A run as lines of JSON: one a step, one an evaluation, and one where it went back. What a resume reads, and what followers
 * and comparisons read.
 */
import type { History } from "../run/history.js";
import type { EvaluationReport, Observer, StepReport } from "./observer.js";

export class JsonLines implements Observer {
  readonly name = "metrics.jsonl";
  /** A resume reads it: a run whose steps are not written down could not go on as it was. */
  readonly essential = true;

  constructor(private readonly history: History) {}

  resumed(step: number): void {
    if (step === 0 && !this.history.exists) return; // nothing was ever told
    this.history.add({ step, event: "resumed", at: new Date().toISOString() });
  }

  step({ step, epoch, metrics, policies, seconds, wait, elapsed }: StepReport): void {
    this.history.add({ step, epoch, ...metrics, ...policies, seconds, wait, elapsed });
  }

  /** Stands with the step that it follows. */
  evaluated({ step, results }: EvaluationReport): void {
    this.history.add({ step: step - 1, evaluation: results });
  }
}
