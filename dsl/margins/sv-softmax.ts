/** @file SV-softmax: hard classes count for more. */
import * as ops from "../core/ops.generated.js";
import { OF_COSINES } from "../core/range.js";
import { type Margin, type MarginNumber, margin, numberInRange } from "./margin.js";

/**
 * SV-softmax as the F2C code has it: classes nearer than the own one less `m` are hard, and their cosines become
 * t * cos + t - 1; the own cosine loses `m` where it exceeds it. Wang et al. 2018, "Support vector guided softmax".
 */
export const svSoftmax = ({
  scale = 32,
  margin: m = 0.4,
  hardness = 1.2,
}: {
  scale?: MarginNumber;
  margin?: MarginNumber;
  hardness?: MarginNumber;
} = {}): Margin => {
  numberInRange("svSoftmax", "margin", m, OF_COSINES);
  return margin(
    {
      numbers: { scale, margin: m, hardness },
      apply: ({ cosine }, numbers) =>
        ops.where(cosine.gt(numbers.margin), cosine.sub(numbers.margin), cosine),
      hard: ({ cosine }, numbers) => ({
        above: cosine.sub(numbers.margin),
        square: 0,
        slope: numbers.hardness,
        offset: numbers.hardness - 1,
      }),
    },
    { kind: "svSoftmax" },
  );
};
