/** @file ArcFace: a margin added to the angle. */
import { described } from "../core/description.js";
import * as ops from "../core/ops.generated.js";
import { inRange, OF_ANGLES } from "../core/range.js";
import { type Margin, margin } from "./margin.js";

/**
 * ArcFace: cos(t + m), t being the angle to the own class. Deng et al. 2019.
 *
 * `beyond` says what happens where t + m > pi and the cosine would rise again: `linear` continues with
 * cos t - m sin m, `none` leaves the formula as it is (the F2C code).
 */
export const arcFace = ({
  scale = 32,
  margin: m = 0.5,
  beyond = "linear",
}: {
  scale?: number;
  margin?: number;
  beyond?: "linear" | "none";
} = {}): Margin => {
  inRange("arcFace", "margin", m, OF_ANGLES);
  return described(
    margin(scale, (cosine, own) => {
      const safe = own.clamp({ min: -1 + 1e-7, max: 1 - 1e-7 });
      const sine = safe.mul(safe).rsub(1).sqrt();
      const moved = safe.mul(Math.cos(m)).sub(sine.mul(Math.sin(m)));
      if (beyond === "none") return { cosine, own: moved };
      return { cosine, own: ops.where(own.gt(Math.cos(Math.PI - m)), moved, own.sub(m * Math.sin(m))) };
    }),
    { kind: "arcFace", scale, margin: m, beyond },
  );
};
