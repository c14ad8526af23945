/**
 * @file Layers that leave something out in training, and nothing else. What is left out is a function of the run's seed, the step and the
 * layer's place: the same on every backend, under `checkpointed` and after a resume.
 */
import { training } from "../core/compiled.js";
import { module } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import { inRange, SHARE } from "../core/range.js";
import type { Shape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import type { ShapeKeeping } from "./keeping.js";

/** `x` where draws of `shape`, which broadcasts to it, say so, scaled to keep its mean; 0 elsewhere, with probability `p`. */
const dropped = (x: Tensor<Shape, "f32">, shape: Shape, p: number): Tensor<Shape, "f32"> => {
  if (!training() || p === 0) return x;
  const keep = 1 - p;
  if (keep === 0) return x.mul(0);
  return x.mul(ops.bernoulli(ops.full(shape, keep)).div(keep)) as Tensor<Shape, "f32">;
};

/** Zeroes each element with probability `p` and scales the others by 1/(1-p). Srivastava et al. 2014. */
export const dropout = (p = 0.5) => {
  inRange("dropout", "p", p, SHARE);
  return module({}, (_: object, x: Tensor<Shape, "f32">) => dropped(x, x.shape, p)) as ShapeKeeping;
};

/**
 * Zeroes each sample, an index of the first dimension, with probability `p` and scales the others by 1/(1-p): at the end of a residual
 * branch, whose block then does nothing to that sample. Stochastic depth, Huang et al. 2016.
 */
export const dropPath = (p: number) => {
  inRange("dropPath", "p", p, SHARE);
  return module({}, (_: object, x: Tensor<Shape, "f32">) =>
    dropped(
      x,
      (x.shape as Shape).map((size, i) => (i === 0 ? size : 1)),
      p,
    ),
  ) as ShapeKeeping;
};
