/**
 * @file Margins of the softmax family: what happens to a row's cosines before cross-entropy. `own` [N, 1] is the cosine
 * to the row's own class, `cosine` [N, C] all of them; the result is both, changed. Logits are `scale` times them.
 */
import { type Described, described } from "./description.js";
import * as ops from "./ops.generated.js";
import { ABOVE_ZERO, inRange, OF_ANGLES, OF_COSINES } from "./range.js";
import type { Tensor } from "./tensor.js";

type Cosines = Tensor<readonly [number, number], "f32">;

/** A margin: its scale, and its compiled function. Write your own with `margin(scale, (cosine, own) => …)`. */
export interface Margin extends Described {
  readonly scale: number;
  readonly apply: (cosine: Cosines, own: Cosines) => { readonly cosine: Cosines; readonly own: Cosines };
}

export const margin = (scale: number, apply: Margin["apply"]): Margin => {
  inRange("margin", "scale", scale, ABOVE_ZERO);
  return { scale, apply };
};

/** No margin: the normalised softmax. */
export const plainSoftmax = ({ scale = 32 }: { scale?: number } = {}): Margin =>
  described(
    margin(scale, (cosine, own) => ({ cosine, own })),
    { kind: "plainSoftmax", scale },
  );

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

/**
 * Cross-entropy under a margin, one value a row: 0 where the target is -1.
 *
 * `cosine` [N, C], `target` [N]. Only the own column is rewritten, so a margin costs N values, not N x C.
 */
export const marginLoss = (
  { scale, apply }: Margin,
  cosine: Cosines,
  target: Tensor<readonly [number], "i64">,
): Tensor<readonly [number], "f32"> => {
  const column = target.clamp({ min: 0 }).unsqueeze(1);
  const changed = apply(cosine, cosine.gather(column, 1));
  const logits = changed.cosine.scatter(column, changed.own, 1).mul(scale);
  return ops.cross_entropy(logits, target);
};
