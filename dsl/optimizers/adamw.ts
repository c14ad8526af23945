/** @file Adam with a decay that is not part of the gradient. */
import { described } from "../core/description.js";
import { ABOVE_ZERO, BELOW_ONE, FROM_ZERO, inRange } from "../core/range.js";
import type { Tensor, Tensors } from "../core/tensor.js";
import { clipping } from "./clip.js";
import { byDecay, type Decay } from "./decay.js";
import { type Optimizer, optimizerOf, part } from "./optimizer.js";

export interface AdamWOptions {
  /** Of the averages of the gradient and of its square. */
  betas?: readonly [first: number, second: number];
  eps?: number;
  /** Each update begins with `parameter *= 1 - lr * weightDecay`. */
  weightDecay?: number;
  /** Which parameters decay: `all` of them, or `matrices` only. */
  decay?: Decay;
  /** The gradient is scaled down to at most this L2 length over all parameters. */
  clip?: number;
}

/** AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101); the arithmetic and the defaults of torch.optim.AdamW. */
export const adamw = ({
  betas = [0.9, 0.999],
  eps = 1e-8,
  weightDecay = 1e-2,
  decay = "all",
  clip,
}: AdamWOptions = {}): Optimizer => {
  const [first, second] = betas;
  inRange("adamw", "betas", first, BELOW_ONE);
  inRange("adamw", "betas", second, BELOW_ONE);
  inRange("adamw", "eps", eps, ABOVE_ZERO);
  inRange("adamw", "weightDecay", weightDecay, FROM_ZERO);
  const average = (gradients: Tensors, moment: Tensors, square: Tensors): void => {
    moment.foreach_lerp_(gradients, 1 - first);
    square.foreach_mul_(second);
    square.foreach_add_(gradients.foreach_mul(gradients), 1 - second);
  };
  /** What an average of so many numbers is of, 1 - beta^steps: the small difference of numbers near 1 is taken in f64. */
  const share = (beta: number, steps: Tensor<readonly [number], "f32">) =>
    steps.to("f64").mul(Math.log(beta)).exp().neg().add(1).to("f32");
  return described(
    optimizerOf(
      byDecay(decay, weightDecay, (rate) =>
        part(
          ["moment", "square"],
          ({ parameters, gradients, moment, square }, { lr, step }) => {
            if (rate !== 0) parameters.foreach_mul_(1 - lr * rate);
            average(gradients, moment, square);
            // Both averages began at zero; divided by what they are of, they are not too small in the first updates.
            const root = square.foreach_sqrt().foreach_div(Math.sqrt(1 - second ** step));
            parameters.foreach_add_(moment.foreach_div(root.foreach_add(eps)), -lr / (1 - first ** step));
          },
          {
            rows: ({ parameters, gradients, moment, square }, { lr, steps }) => {
              if (rate !== 0) parameters.foreach_mul_(1 - lr * rate);
              average(gradients, moment, square);
              const root = square.foreach_sqrt().foreach_scale_rows(share(second, steps).pow(-0.5));
              const moved = moment.foreach_div(root.foreach_add(eps));
              parameters.foreach_add_(moved.foreach_scale_rows(share(first, steps).pow(-1)), -lr);
            },
          },
        ),
      ),
      clipping("adamw", clip),
    ),
    { kind: "adamw", betas, eps, weightDecay, decay, clip },
  );
};
