/** @file Layer-wise adaptive rate scaling: large batches, at a rate that each layer can bear. */
import { described } from "../core/description.js";
import * as ops from "../core/ops.generated.js";
import { ABOVE_ZERO, BELOW_ONE, FROM_ZERO, inRange } from "../core/range.js";
import { clipping } from "./clip.js";
import { isMatrix } from "./decay.js";
import { type Optimizer, optimizerOf, part } from "./optimizer.js";

export interface LarsOptions {
  momentum?: number;
  /** How far an update may move a parameter, as a share of its length: the paper's eta. */
  trust?: number;
  weightDecay?: number;
  /** Added to the length that is divided by. */
  eps?: number;
  /** What moves as with SGD, without a rate of its own and without decay: `vectors`, of fewer than two dimensions, or nothing. */
  exclude?: "vectors" | "none";
  /** The gradient is scaled down to at most this L2 length over all parameters. */
  clip?: number;
}

/**
 * LARS: You, Gitman and Ginsburg 2017, arXiv 1708.03888, algorithm 1 with the coefficient of equation 6; docs/optimizers.md has the
 * formula, and says where a layer has no rate of its own.
 */
export const lars = ({
  momentum = 0.9,
  trust = 1e-3,
  weightDecay = 0,
  eps = 0,
  exclude = "vectors",
  clip,
}: LarsOptions = {}): Optimizer => {
  inRange("lars", "momentum", momentum, BELOW_ONE);
  inRange("lars", "trust", trust, ABOVE_ZERO);
  inRange("lars", "weightDecay", weightDecay, FROM_ZERO);
  inRange("lars", "eps", eps, FROM_ZERO);
  const scaled = part(["velocity"], ({ parameters, gradients, velocity }, { lr }) => {
    const [weights, slopes] = [parameters.foreach_norms(), gradients.foreach_norms()];
    const local = weights.mul(trust).div(slopes.add(weights.mul(weightDecay)).add(eps));
    const rates = ops.where(weights.gt(0).logical_and(slopes.gt(0)), local, 1);
    const decayed = weightDecay === 0 ? gradients : gradients.foreach_add(parameters, weightDecay);
    velocity.foreach_mul_(momentum);
    velocity.foreach_add_(decayed.foreach_scale_each(rates), lr);
    parameters.foreach_add_(velocity, -1);
  });
  const plain = part(["velocity"], ({ parameters, gradients, velocity }, { lr }) => {
    velocity.foreach_mul_(momentum);
    velocity.foreach_add_(gradients, lr);
    parameters.foreach_add_(velocity, -1);
  });
  return described(
    optimizerOf(exclude === "none" ? [scaled] : [{ ...scaled, of: isMatrix }, plain], clipping("lars", clip)),
    { kind: "lars", momentum, trust, weightDecay, eps, exclude, clip },
  );
};
