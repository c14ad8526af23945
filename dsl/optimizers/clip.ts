/** @file Clipping: gradients that are too long together are scaled down together. Pascanu, Mikolov and Bengio 2013. */
import { ABOVE_ZERO, inRange } from "../core/range.js";
import type { GradientChange } from "./optimizer.js";

/**
 * Gradients of an L2 length of at most `clip` over all of them; the arithmetic of torch.nn.utils.clip_grad_norm_. None without
 * `clip`. Throws F2C2113 in the name of `what` where it is no length.
 */
export function clipping(what: string, clip: number | undefined): GradientChange | undefined {
  if (clip === undefined) return undefined;
  inRange(what, "clip", clip, ABOVE_ZERO);
  return (gradients) => {
    const length = gradients.foreach_norm();
    const gradient = gradients.foreach_scale(length.add(1e-6).pow(-1).mul(clip).clamp({ max: 1 }));
    return gradient;
  };
}
