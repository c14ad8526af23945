// Margins of one's own, and the shelf's.
import {
  arcFace,
  cosFace,
  type Features,
  type Margin,
  margin,
  marginLoss,
  ops,
  plainSoftmax,
  svSoftmax,
  type Tensor,
} from "f2c-dsl";
import { shapeOf, some } from "./shape-of.js";

export const linearMargin = margin(32, (cosine, own) => ({
  cosine,
  own: own.acos().mul(-1).add(1).sub(0.2),
}));

/** Rows that are far from their class get a smaller margin. */
export const adaptive = ({ scale = 64, least = 0.1, most = 0.5 } = {}): Margin =>
  margin(scale, (cosine, own) => {
    const share = own.clamp({ min: 0, max: 1 });
    const m = share.mul(most - least).add(least);
    const hard = cosine.gt(own.sub(m));
    return { cosine: ops.where(hard, cosine.mul(1.2), cosine), own: ops.where(own.gt(m), own.sub(m), own) };
  });

export const shelf: Margin[] = [
  plainSoftmax(),
  cosFace({ scale: 32 }),
  arcFace({ margin: 0.3, beyond: "none" }),
  svSoftmax({ hardness: 1.1 }),
];

const cosine = some<Features<100, 32>>();
const target = some<Tensor<readonly [32], "i64">>();
shapeOf(marginLoss(adaptive(), cosine, target)) satisfies readonly [number];
shapeOf(ops.cross_entropy(cosine, target)) satisfies readonly [32];
