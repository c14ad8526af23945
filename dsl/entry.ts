/** @file The compiled functions that wrap a method's `embed` for evaluation and export. */
import { normalize, pixelsToImages } from "./core/functions.js";
import type { Images, Tensor } from "./core/tensor.js";

type Pixels = Tensor<readonly [number, number, number, number], "u8">;
type Embed = (state: unknown, images: Images) => Tensor<readonly [number, number], "f32">;

/** u8 pixels [N, C, H, W] to unit embeddings [N, D]. */
export const embedded = (embed: Embed, state: unknown, pixels: Pixels) =>
  normalize(embed(state, pixelsToImages(pixels)));

/** The unit embedding of an image plus that of its mirror image. */
export const embeddedBothWays = (embed: Embed, state: unknown, pixels: Pixels) => {
  const images = pixelsToImages(pixels);
  return normalize(embed(state, images).add(embed(state, images.flip([3]))));
};
