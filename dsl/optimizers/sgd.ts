/** @file Stochastic gradient descent. */
import { described } from "../core/description.js";
import { BELOW_ONE, FROM_ZERO, inRange } from "../core/range.js";
import { clipping } from "./clip.js";
import { byDecay, type Decay } from "./decay.js";
import { type Optimizer, optimizerOf, part } from "./optimizer.js";

export interface SgdOptions {
  momentum?: number;
  nesterov?: boolean;
  /** Added to the gradient as `weightDecay * parameter`, as torch.optim.SGD does. */
  weightDecay?: number;
  /** Which parameters decay: `all` of them, or `matrices` only. */
  decay?: Decay;
  /** The gradient is scaled down to at most this L2 length over all parameters. */
  clip?: number;
}

/** Stochastic gradient descent; the arithmetic of torch.optim.SGD (Sutskever et al. 2013, without its dampening). */
export const sgd = ({
  momentum = 0.9,
  nesterov = false,
  weightDecay = 0,
  decay = "all",
  clip,
}: SgdOptions = {}): Optimizer => {
  inRange("sgd", "momentum", momentum, BELOW_ONE);
  inRange("sgd", "weightDecay", weightDecay, FROM_ZERO);
  return described(
    optimizerOf(
      byDecay(decay, weightDecay, (rate) =>
        part(["velocity"], ({ parameters, gradients, velocity }, { lr }) => {
          let gradient = gradients;
          if (rate !== 0) gradient = gradient.foreach_add(parameters, rate);
          if (momentum === 0) {
            parameters.foreach_add_(gradient, -lr);
          } else {
            velocity.foreach_mul_(momentum);
            velocity.foreach_add_(gradient, 1);
            parameters.foreach_add_(nesterov ? gradient.foreach_add(velocity, momentum) : velocity, -lr);
          }
        }),
      ),
      clipping("sgd", clip),
    ),
    { kind: "sgd", momentum, nesterov, weightDecay, decay, clip },
  );
};
