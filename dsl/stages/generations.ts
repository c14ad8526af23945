/** @file Generations of a net: each starts where the one before ended. */
import { experimentError } from "../core/errors.js";
import { inRange, WHOLE } from "../core/range.js";
import { type Experiment, isExperiment } from "../experiment.js";
import type { AnyNet } from "../method/changed-net.js";
import { weights } from "../method/weights.js";

export interface Generation {
  /** Counts from 1. */
  readonly number: number;
  /** `generation1`, …: its name in the study. */
  readonly name: string;
  /** The net as it is in the first generation; in the others it starts from that of the generation before. */
  readonly start: <N extends AnyNet>(net: N) => N;
}

/**
 * The stages of `count` generations by their names, for a study: recursive distillation (Yan et al. 2019, VarGFaceNet) where each is
 * taught by one teacher.
 *
 *     export default study({
 *       teacher,
 *       ...generations(2, ({ name, start }) =>
 *         experiment({ name, method: distil(softmax({ net: start(student), margin }), { teacher: weights(net, teacher), … }), … })),
 *     });
 */
export function generations(
  count: number,
  make: (generation: Generation) => Experiment,
): Readonly<Record<string, Experiment>> {
  inRange("generations", "count", count, WHOLE);
  const made: Record<string, Experiment> = {};
  let last: Experiment | undefined;
  for (let number = 1; number <= count; number++) {
    const before = last;
    const name = `generation${number}`;
    const start = <N extends AnyNet>(net: N): N => (before ? weights(net, before) : net);
    last = make({ number, name, start });
    if (!isExperiment(last)) throw experimentError("bad-study.stage", { name, what: typeof last });
    made[name] = last;
  }
  return made;
}
