/** @file CosFace: a margin taken from the cosine. */
import { described } from "../core/description.js";
import { inRange, OF_COSINES } from "../core/range.js";
import { type Margin, margin } from "./margin.js";

/** CosFace, also AM-softmax: cos t - m. Wang et al. 2018. */
export const cosFace = ({
  scale = 32,
  margin: m = 0.4,
}: {
  scale?: number;
  margin?: number;
} = {}): Margin => {
  inRange("cosFace", "margin", m, OF_COSINES);
  return described(
    margin(scale, (cosine, own) => ({ cosine, own: own.sub(m) })),
    { kind: "cosFace", scale, margin: m },
  );
};
