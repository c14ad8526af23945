/** @file MagFace: the margin grows with the length of the feature, which is pulled up by a loss of its own. */
import * as ops from "../core/ops.generated.js";
import { ABOVE_ZERO, FROM_ZERO } from "../core/range.js";
import type { Column } from "../method/classes.js";
import { turned } from "./angles.js";
import { type Margin, type MarginNumber, margin, numberInRange } from "./margin.js";

/** Values held within two numbers. Compiled. */
const within = (values: Column, low: number, high: number): Column => {
  const above = ops.where(values.gt(low), values, low);
  return ops.where(above.lt(high), above, high);
};

/**
 * MagFace: cos(t + m(a)), where the margin m rises linearly from `margins[0]` to `margins[1]` as the length a of the feature
 * goes from `lengths[0]` to `lengths[1]` (a is held within them), and the loss `weight` (a / lengths[1]^2 + 1 / a). The gradient
 * flows through the length. Where t + m is beyond pi: cos t - m sin m. Meng et al. 2021.
 */
export const magFace = ({
  scale = 64,
  margins: [low, high] = [0.45, 0.8],
  lengths: [short, long] = [10, 110],
  weight = 35,
}: {
  scale?: MarginNumber;
  margins?: readonly [low: MarginNumber, high: MarginNumber];
  lengths?: readonly [short: MarginNumber, long: MarginNumber];
  weight?: MarginNumber;
} = {}): Margin => {
  numberInRange("magFace", "lengths", short, ABOVE_ZERO);
  numberInRange("magFace", "lengths", long, ABOVE_ZERO);
  numberInRange("magFace", "weight", weight, FROM_ZERO);
  return margin(
    {
      numbers: { scale, low, high, short, long, weight },
      apply: ({ cosine, norm }, { low, high, short, long }) => {
        const length = within(norm, short, long);
        const m = length
          .sub(short)
          .mul((high - low) / (long - short))
          .add(low);
        return ops.where(
          cosine.gt(m.rsub(Math.PI).cos()),
          turned(cosine, m.cos(), m.sin()),
          cosine.sub(m.mul(m.sin())),
        );
      },
      loss: ({ norm }, { short, long, weight }) => {
        const length = within(norm, short, long);
        return length
          .div(long * long)
          .add(length.pow(-1))
          .mul(weight);
      },
    },
    { kind: "magFace" },
  );
};
