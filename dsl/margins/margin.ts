/**
 * @file A margin of the softmax family: what happens to a row's cosines before cross-entropy. `own` [N, 1] is the cosine
 * to the row's own class, `cosine` [N, C] all of them; the result is both, changed. Logits are `scale` times them.
 */
import type { Described } from "../core/description.js";
import * as ops from "../core/ops.generated.js";
import { ABOVE_ZERO, inRange } from "../core/range.js";
import type { Tensor } from "../core/tensor.js";

type Cosines = Tensor<readonly [number, number], "f32">;

/** A margin: its scale, and its compiled function. Write your own with `margin(scale, (cosine, own) => …)`. */
export interface Margin extends Described {
  readonly scale: number;
  readonly apply: (cosine: Cosines, own: Cosines) => { readonly cosine: Cosines; readonly own: Cosines };
}

export const margin = (scale: number, apply: Margin["apply"]): Margin => {
  inRange("margin", "scale", scale, ABOVE_ZERO);
  return { scale, apply };
};

/**
 * Cross-entropy under a margin, one value a row: 0 where the target is -1.
 *
 * `cosine` [N, C], `target` [N]. Only the own column is rewritten, so a margin costs N values, not N x C.
 */
export const marginLoss = (
  { scale, apply }: Margin,
  cosine: Cosines,
  target: Tensor<readonly [number], "i64">,
): Tensor<readonly [number], "f32"> => {
  const column = target.clamp({ min: 0 }).unsqueeze(1);
  const changed = apply(cosine, cosine.gather(column, 1));
  const logits = changed.cosine.scatter(column, changed.own, 1).mul(scale);
  return ops.cross_entropy(logits, target);
};
