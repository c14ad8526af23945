// Margins of one's own, and the shelf's.
import {
  adaFace,
  arcFace,
  cosFace,
  cosine,
  curricularFace,
  type Features,
  type Margin,
  type Margined,
  magFace,
  margin,
  marginLoss,
  ops,
  plainSoftmax,
  state,
  svSoftmax,
  type Tensor,
  withoutConflicts,
  zeros,
} from "f2c-dsl";
import { shapeOf, some } from "./shape-of.js";

export const linearMargin = margin({
  numbers: { scale: 32, m: 0.2 },
  apply: (own, { m }) => own.cosine.acos().mul(-1).add(1).sub(m),
});

/** Rows that are far from their class get a smaller margin, and classes that are near count more. */
export const adaptive = ({ scale = 64, least = 0.1, most = 0.5 } = {}): Margin =>
  margin({
    numbers: { scale, least, most },
    apply: ({ cosine }, { least, most }) => {
      const share = cosine.clamp({ min: 0, max: 1 });
      return cosine.sub(share.mul(most - least).add(least));
    },
    hard: ({ cosine }, { least }) => ({ above: cosine.sub(least), square: 0, slope: 1.2, offset: 0 }),
  });

/** One that keeps something from step to step, and has a loss of its own. */
export const watchful = margin({
  numbers: { scale: cosine({ base: 64, end: 16 }), pace: 0.1 },
  state: { seen: state([], zeros()) },
  observe: (own, { pace }, { seen }) => seen.lerp_(own.norm.mean(), pace),
  apply: (own, _, { seen }) => own.cosine.sub(seen.mul(0.01)),
  loss: (own) => own.norm.pow(-1),
});

export const shelf: Margin[] = [
  plainSoftmax(),
  cosFace({ scale: 32 }),
  cosFace({ margin: cosine({ base: 0.1, end: 0.4 }) }),
  arcFace({ margin: 0.3, beyond: "none" }),
  svSoftmax({ hardness: 1.1 }),
  curricularFace(),
  magFace({ margins: [0.4, 0.8] }),
  adaFace({ pace: 1 }),
  withoutConflicts(arcFace(), { above: 0.3 }),
];

const features = some<Features<100, 32>>();
const target = some<Tensor<readonly [32], "i64">>();
const classes = { rows: features, target, own: features };
shapeOf(marginLoss(some<Margined>(), features, classes).loss) satisfies readonly [number];
shapeOf(
  ops.margin_softmax(features, features, target, some<Tensor<readonly [32], "f32">>(), 64)[0],
) satisfies readonly [32];
shapeOf(ops.cross_entropy(features, target)) satisfies readonly [32];
