/** @file Stochastic gradient descent. */
import { described } from "../core/description.js";
import { ABOVE_ZERO, BELOW_ONE, FROM_ZERO, inRange } from "../core/range.js";
import { type Optimizer, optimizer } from "./optimizer.js";

export interface SgdOptions {
  momentum?: number;
  nesterov?: boolean;
  /** Added to the gradient as `weightDecay * parameter`, on every parameter, as torch.optim.SGD does. */
  weightDecay?: number;
  /** The gradient is scaled down to at most this L2 length over all parameters. */
  clip?: number;
}

/** Stochastic gradient descent; the arithmetic of torch.optim.SGD (Sutskever et al. 2013, without its dampening). */
export const sgd = ({
  momentum = 0.9,
  nesterov = false,
  weightDecay = 0,
  clip,
}: SgdOptions = {}): Optimizer => {
  inRange("sgd", "momentum", momentum, BELOW_ONE);
  inRange("sgd", "weightDecay", weightDecay, FROM_ZERO);
  if (clip !== undefined) inRange("sgd", "clip", clip, ABOVE_ZERO);
  return described(
    optimizer(["velocity"], ({ parameters, gradients, velocity }, { lr }) => {
      let gradient = gradients;
      if (clip !== undefined) {
        const length = gradients.foreach_norm();
        gradient = gradient.foreach_scale(length.add(1e-6).pow(-1).mul(clip).clamp({ max: 1 }));
      }
      if (weightDecay !== 0) gradient = gradient.foreach_add(parameters, weightDecay);
      if (momentum === 0) {
        parameters.foreach_add_(gradient, -lr);
      } else {
        velocity.foreach_mul_(momentum);
        velocity.foreach_add_(gradient, 1);
        parameters.foreach_add_(nesterov ? gradient.foreach_add(velocity, momentum) : velocity, -lr);
      }
    }),
    { kind: "sgd", momentum, nesterov, weightDecay, clip },
  );
};
