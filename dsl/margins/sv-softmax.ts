/** @file SV-softmax: hard classes count for more. */
import { described } from "../core/description.js";
import * as ops from "../core/ops.generated.js";
import { inRange, OF_COSINES } from "../core/range.js";
import { type Margin, margin } from "./margin.js";

/**
 * SV-softmax as the F2C code has it: classes nearer than the own one less `m` are hard, and their cosines become
 * t * cos + t - 1; the own cosine loses `m` where it exceeds it. Wang et al. 2018, "Support vector guided softmax".
 */
export const svSoftmax = ({
  scale = 32,
  margin: m = 0.4,
  hardness: t = 1.2,
}: {
  scale?: number;
  margin?: number;
  hardness?: number;
} = {}): Margin => {
  inRange("svSoftmax", "margin", m, OF_COSINES);
  return described(
    margin(scale, (cosine, own) => ({
      cosine: ops.where(cosine.gt(own.sub(m)), cosine.mul(t).add(t - 1), cosine),
      own: ops.where(own.gt(m), own.sub(m), own),
    })),
    { kind: "svSoftmax", scale, margin: m, hardness: t },
  );
};
