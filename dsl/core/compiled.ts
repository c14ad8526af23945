/** @file What a compiled function may ask of its surroundings. The compiler answers; in Node these only throw. */
import { intrinsic } from "./intrinsic.js";
import type { FloatDType, Shape } from "./shape.js";
import type { DTypeOf, ShapeOf, Tensor, Tensors } from "./tensor.js";

/**
 * Whether the function is being compiled for training (`step`) or for use (`embed`). A build-time value: `if` on it
 * leaves no trace in the program.
 */
export const training: () => boolean = intrinsic("training()");

/** Computes `body` as it would be outside training: BatchNorm with running statistics, no dropout. */
export const evaluating: <T>(body: () => T) => T = intrinsic("evaluating()");

/** Computes `body` without recording gradients. */
export const noGrad: <T>(body: () => T) => T = intrinsic("noGrad()");

/**
 * Computes `body` and keeps only its results for the gradient; what it computes on the way is computed a second time then.
 * Less memory for more time (Chen et al. 2016, arXiv 1604.06174). No write may be inside; random numbers are the same again;
 * BatchNorm moves its statistics once.
 */
export const remat: <T>(body: () => T) => T = intrinsic("remat()");

/**
 * Computes `body` in the types that it has without `precision`, f32 for nets: what comes in is cast, and what comes out is f32. For the
 * last layer of a net or a classifier in an experiment with `precision: "bf16"` or `"f16"`; elsewhere it leaves no trace.
 */
export const inF32: <T>(body: () => T) => T = intrinsic("inF32()");

/**
 * The derivative of a loss, one real number, by a tensor that it is computed from, or by each of a list of them: of images for
 * an adversarial step, of features for a penalty. It has a derivative itself, so a loss may be computed from it (double
 * backward). In `step` only, and not within `noGrad`, `remat`, or an `if` or a loop of run-time conditions.
 */
export const gradientOf: {
  <S extends Shape, D extends FloatDType>(
    loss: Tensor<readonly [], FloatDType>,
    x: Tensor<S, D>,
  ): Tensor<S, D>;
  <const T extends readonly Tensor<Shape, FloatDType>[]>(
    loss: Tensor<readonly [], FloatDType>,
    values: T,
  ): { readonly [I in keyof T]: Tensor<ShapeOf<T[I]>, DTypeOf<T[I]>> };
} = intrinsic("gradientOf()");

/** The parameters of a net or of its twin, in order, as one group. */
export const parametersOf: (net: unknown) => Tensors = intrinsic("parametersOf()");

/** The floating-point states of a net or of its twin (running statistics), in order, as one group. */
export const buffersOf: (net: unknown) => Tensors = intrinsic("buffersOf()");
