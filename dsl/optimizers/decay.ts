/** @file Which parameters decay: all, or those that are matrices; He et al. 2019, arXiv 1812.01187, 3.1 ("no bias decay"). */
import type { OptimizerPart, ParameterPredicate } from "./optimizer.js";

/**
 * `all`: every parameter, as torch.optim. `matrices`: those of at least two dimensions; biases, normalisations and PReLU's slopes,
 * which have one, do not decay.
 */
export type Decay = "all" | "matrices";

/** Weights of convolutions and linear layers, rows of classes. */
export const isMatrix: ParameterPredicate = ({ shape }) => shape.length > 1;

/** The parts of an optimizer that decays by `weightDecay`: one, or one with and one without. */
export const byDecay = (
  decay: Decay,
  weightDecay: number,
  part: (weightDecay: number) => OptimizerPart,
): readonly OptimizerPart[] =>
  decay === "all" || weightDecay === 0
    ? [part(weightDecay)]
    : [{ ...part(weightDecay), of: isMatrix }, part(0)];
