/** @file Means over the rows of a step that have a class. Compiled. */
import * as ops from "../core/ops.generated.js";
import type { Tensor } from "../core/tensor.js";
import type { Column } from "../method/classes.js";

type Mask = Tensor<readonly [number], "bool">;
type One = Tensor<readonly [], "f32">;

/** The mean over the rows where `there` holds; where it holds nowhere, `otherwise`. */
export const meanOf = (values: Column, there: Mask, otherwise: One): One => {
  const count = there.to("f32").sum();
  const sum = ops.where(there, values, 0).sum();
  return ops.where(count.gt(0), sum.div(count.clamp({ min: 1 })), otherwise);
};

/** The standard deviation over these rows, of a sample (divided by one less than their number); of fewer than two `otherwise`. */
export const deviationOf = (values: Column, there: Mask, otherwise: One): One => {
  const count = there.to("f32").sum();
  const away = values.sub(meanOf(values, there, otherwise));
  const squares = ops.where(there, away.mul(away), 0).sum();
  return ops.where(count.gt(1), squares.div(count.sub(1).clamp({ min: 1 })).sqrt(), otherwise);
};
