/** @file Functions on tensors that are written in the DSL itself. */
import type { FloatDType, Shape } from "./shape.js";
import type { Tensor } from "./tensor.js";

/** Vectors along the last dimension divided by their L2 length, which counts as at least 1e-12. */
export const normalize = <S extends Shape, D extends FloatDType>(x: Tensor<S, D>): Tensor<S, D> =>
  x.div(x.norm(-1, { keepdim: true }).clamp({ min: 1e-12 })) as Tensor<S, D>;

/** What `pixelsToImages` subtracts from each value, then divides by, for those who feed a net without it. */
export const NORMALISATION = { mean: 127.5, scale: 128 } as const;

/**
 * u8 pixels 0..255 as f32, (v - 127.5) / 128: the range that face-recognition nets are trained on. Rows of a matrix, which are f32
 * already, stay as they are.
 */
export const pixelsToImages = <S extends Shape>(pixels: Tensor<S, "u8" | "f32">): Tensor<S, "f32"> =>
  pixels.dtype === "u8"
    ? (pixels.to("f32").sub(127.5).div(128) as Tensor<S, "f32">)
    : (pixels as Tensor<S, "f32">);
