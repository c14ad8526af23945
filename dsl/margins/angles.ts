/** @file Margins of the angle between a feature and its class, for the margins that have one. Compiled. */
import * as ops from "../core/ops.generated.js";
import type { Column } from "../method/classes.js";

/** So far from -1 and 1 the derivative of an angle by its cosine stays below 2,237 in f32. */
const NEAR = 1e-7;
export const inside = (cosine: Column): Column => cosine.clamp({ min: -1 + NEAR, max: 1 - NEAR });

/** cos(t + m), where cos t is given, and the cosine and sine of m. */
export const turned = (cosine: Column, cos: number | Column, sin: number | Column): Column => {
  const safe = inside(cosine);
  return safe.mul(cos).sub(safe.mul(safe).rsub(1).sqrt().mul(sin));
};

/** cos(t + m), and where t + m is beyond pi and the cosine would rise again, cos t - m sin m. */
export const turnedOn = (cosine: Column, m: number): Column =>
  ops.where(
    cosine.gt(Math.cos(Math.PI - m)),
    turned(cosine, Math.cos(m), Math.sin(m)),
    cosine.sub(m * Math.sin(m)),
  );
