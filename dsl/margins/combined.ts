/** @file The combined margin: SphereFace's, ArcFace's and CosFace's at once. */
import * as ops from "../core/ops.generated.js";
import { ABOVE_ZERO, FROM_ZERO, OF_COSINES } from "../core/range.js";
import { inside } from "./angles.js";
import { type Margin, type MarginNumber, margin, numberInRange } from "./margin.js";

/**
 * cos(m1 t + m2) - m3, t being the angle to the own class. Deng et al. 2019, "combined margin"; m1 alone is SphereFace's (Liu et al. 2017),
 * m2 ArcFace's, m3 CosFace's.
 *
 * `beyond` says what happens where the angle a = m1 t + m2 is beyond pi and the cosine would rise again: `falling` goes on downwards, with
 * (-1)^k cos a - 2 k for k = floor(a / pi), as SphereFace does; `none` leaves the formula as it is.
 */
export const combined = ({
  scale = 64,
  m1 = 1,
  m2 = 0.3,
  m3 = 0.2,
  beyond = "falling",
}: {
  scale?: MarginNumber;
  m1?: MarginNumber;
  m2?: MarginNumber;
  m3?: MarginNumber;
  beyond?: "falling" | "none";
} = {}): Margin => {
  numberInRange("combined", "m1", m1, ABOVE_ZERO);
  numberInRange("combined", "m2", m2, FROM_ZERO);
  numberInRange("combined", "m3", m3, OF_COSINES);
  return margin(
    {
      numbers: { scale, m1, m2, m3 },
      apply: ({ cosine }, { m1, m2, m3 }) => {
        const angle = inside(cosine).acos().mul(m1).add(m2);
        if (beyond === "none") return angle.cos().sub(m3);
        const half = angle.detach().div(Math.PI).floor();
        const odd = half.remainder(2).eq(1);
        const turned = ops.where(odd, angle.cos().neg(), angle.cos());
        return turned.sub(half.mul(2)).sub(m3);
      },
    },
    { kind: "combined", beyond },
  );
};
