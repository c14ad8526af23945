/** @file Images seen through a grid of places. Compiled. */
import * as ops from "../core/ops.generated.js";
import type { Images, Tensor } from "../core/tensor.js";

/** One real number for each image. */
export type Reals = Tensor<readonly [number], "f32">;

/** The place of each of `size` pixels, from the middle of them. */
export const fromMiddle = (size: number) =>
  ops
    .arange(size)
    .to("f32")
    .sub((size - 1) / 2);

/** A coordinate for each pixel of each image, [N, H, W]. */
export type Places = Tensor<readonly [number, number, number], "f32">;

/**
 * Images [N, C, H, W] as seen at places [N, H, W] in pixels from the middle, right and down; bilinear, and the border repeats.
 */
export const resampled = (images: Images, right: Places, down: Places): Images =>
  ops.grid_sample(images, ops.stack([right.mul(2 / images.size(3)), down.mul(2 / images.size(2))], 3));
