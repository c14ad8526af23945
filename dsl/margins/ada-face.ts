/** @file AdaFace: the margin depends on the quality of an image, for which the length of its feature stands. */
import { constant } from "../core/initialisers.js";
import { state } from "../core/module.js";
import { FROM_ZERO } from "../core/range.js";
import type { Column } from "../method/classes.js";
import { type Margin, type MarginNumber, margin, numberInRange } from "./margin.js";
import { deviationOf, meanOf } from "./statistics.js";

const NEAR = 1e-3;
const lengthOf = (norm: Column): Column => norm.detach().clamp({ min: 1e-3, max: 100 });

/**
 * AdaFace: cos(t - m z) - m (1 + z), where z says how much longer a feature is than others: its length less their moving mean, over
 * their moving deviation, times `spread`, held within -1 and 1. Mean and deviation (of a sample) are over the rows of the step that have a
 * class, are moved by `pace` before they are used, and have no gradient. Kim et al. 2022; their code has a pace of 1, their recipe 0.01.
 */
export const adaFace = ({
  scale = 64,
  margin: m = 0.4,
  spread = 0.333,
  pace = 0.01,
}: {
  scale?: MarginNumber;
  margin?: MarginNumber;
  spread?: MarginNumber;
  pace?: MarginNumber;
} = {}): Margin => {
  numberInRange("adaFace", "margin", m, FROM_ZERO);
  numberInRange("adaFace", "spread", spread, FROM_ZERO);
  return margin(
    {
      numbers: { scale, margin: m, spread, pace },
      state: { mean: state([], constant(20)), deviation: state([], constant(100)) },
      observe: ({ norm, hasClass }, { pace }, { mean, deviation }) => {
        const length = lengthOf(norm);
        const spreadNow = deviationOf(length, hasClass, deviation);
        mean.lerp_(meanOf(length, hasClass, mean), pace);
        deviation.lerp_(spreadNow, pace);
      },
      apply: ({ cosine, norm }, { margin: m, spread }, { mean, deviation }) => {
        const quality = lengthOf(norm)
          .sub(mean)
          .div(deviation.add(NEAR))
          .mul(spread)
          .clamp({ min: -1, max: 1 });
        const angle = cosine
          .clamp({ min: -1 + NEAR, max: 1 - NEAR })
          .acos()
          .sub(quality.mul(m))
          .clamp({ min: NEAR, max: Math.PI - NEAR });
        return angle.cos().sub(quality.add(1).mul(m));
      },
    },
    { kind: "adaFace" },
  );
};
