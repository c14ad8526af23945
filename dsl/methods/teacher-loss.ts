/** @file How far a student's features are from its teacher's. */
import { type Described, described } from "../core/description.js";
import { normalize } from "../core/functions.js";
import * as ops from "../core/ops.generated.js";
import type { Features, Tensor } from "../core/tensor.js";

/** A loss of a student's features beside its teacher's of the same images, in the same order. */
export interface TeacherLoss extends Described {
  /** Compiled. One number, of features [N, D] that are not normalised; the teacher's have no gradient. */
  apply(student: Features, teacher: Features): Tensor<readonly [], "f32">;
  /** Whether both must have embeddings of one length. */
  readonly sameLength: boolean;
}

/**
 * The mean of (1 - c)^2, c the cosine between a student's feature and its teacher's (Duong et al. 2019, ShrinkTeaNet, arXiv 1905.10620;
 * VarGFaceNet takes it times 7).
 */
export const angular = (): TeacherLoss =>
  described(
    {
      apply: (student: Features, teacher: Features) =>
        normalize(student).mul(normalize(teacher)).sum(1).rsub(1).pow(2).mean(),
      sameLength: true,
    },
    { kind: "angular" },
  );

/**
 * The Huber loss between the distances among a student's features and those among its teacher's, each over their mean (Park et al. 2019,
 * relational knowledge distillation, arXiv 1904.05068, by distance). Features are normalised; their lengths may differ.
 */
export const relational = (): TeacherLoss =>
  described(
    {
      apply(student: Features, teacher: Features) {
        const distances = (features: Features) => {
          const unit = normalize(features);
          const squared = unit.matmul(unit.transpose(0, 1)).mul(-2).add(2);
          // The root has no derivative at 0: a row's distance to itself is left out before it.
          const others = ops
            .arange(unit.size(0))
            .unsqueeze(0)
            .ne(ops.arange(unit.size(0)).unsqueeze(1));
          const found = ops.where(others, squared.clamp({ min: 1e-12 }).sqrt(), 0);
          const pairs = unit.size(0) * (unit.size(0) - 1);
          return found.div(found.sum().div(pairs).clamp({ min: 1e-12 }));
        };
        const apart = distances(student).sub(distances(teacher)).abs();
        const inside = apart.lt(1).to("f32");
        const huber = apart
          .pow(2)
          .mul(0.5)
          .mul(inside)
          .add(apart.sub(0.5).mul(inside.rsub(1)));
        return huber.mean();
      },
      sameLength: false,
    },
    { kind: "relational" },
  );
