/** @file CosFace: a margin taken from the cosine. */
import { OF_COSINES } from "../core/range.js";
import { type Margin, type MarginNumber, margin, numberInRange } from "./margin.js";

/** CosFace, also AM-softmax: cos t - m. Wang et al. 2018. */
export const cosFace = ({
  scale = 32,
  margin: m = 0.4,
}: {
  scale?: MarginNumber;
  margin?: MarginNumber;
} = {}): Margin => {
  numberInRange("cosFace", "margin", m, OF_COSINES);
  return margin(
    { numbers: { scale, margin: m }, apply: ({ cosine }, numbers) => cosine.sub(numbers.margin) },
    { kind: "cosFace" },
  );
};
