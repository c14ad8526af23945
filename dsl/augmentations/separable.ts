/**
 * @file Changes of images that mix pixels along rows and along columns alike: one matrix for each image and each of the two
 * directions. A matrix that is the identity leaves its image as it was, to the last bit. Compiled.
 */
import type { Images, Tensor } from "../core/tensor.js";

/** For each image, from the pixels of a row or column to what they become: [N, out, in]. */
export type Mixing = Tensor<readonly [number, number, number], "f32">;

/** Images [N, C, H, W] with their columns mixed by `down` [N, H, H] and their rows by `right` [N, W, W]. */
export const mixed = (images: Images, down: Mixing, right: Mixing): Images =>
  down.unsqueeze(1).matmul(images).matmul(right.transpose(1, 2).unsqueeze(1)) as Images;
