/** @file Distillation around any method: a student learns its classes, and to embed as a teacher does. */
import { described, descriptionOf } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import { ABOVE_ZERO, inRange } from "../core/range.js";
import type { Features, Tensor } from "../core/tensor.js";
import { frozen } from "../method/frozen.js";
import type { MethodBuilder, StepFeatures } from "../method/method.js";
import type { Net } from "../method/net.js";
import type { Policy } from "../method/plan.js";
import { startsFromWeights } from "../method/weights.js";
import { policyOf } from "../schedules/always.js";
import { innerMethod, outerMethod, planWith } from "./around.js";
import type { TeacherLoss } from "./teacher-loss.js";

export interface DistilOptions {
  /** A net with `weights`; it is used frozen. */
  teacher: Net;
  loss: TeacherLoss;
  /** The loss counts this many times beside the method's own. */
  weight?: Policy | number;
}

function refuseWithoutFeatures(): never {
  throw experimentError("around-method.no-features", { function: "distil" });
}

/** The mean over the streams of how far their features are from the teacher's of the same images. Compiled. */
const distance = (
  { apply }: TeacherLoss,
  features: StepFeatures,
  // biome-ignore lint/suspicious/noExplicitAny: the teacher, and the batch, of any method
  { teacher, batch }: any,
): Tensor<readonly [], "f32"> => {
  const losses = Object.entries(features).map(([stream, student]) =>
    apply(student, teacher(batch[stream]) as Features),
  );
  return losses.reduce((sum, loss) => sum.add(loss)).div(losses.length);
};

/**
 * `student` whose net also learns to embed each image of its step as `teacher` does: its loss and `weight` times the mean, over the streams
 * of images that the net sees, of `loss`. That mean is logged as `teacher`.
 *
 *     distil(f2c({ net, … }), { teacher: weights(iresnet(50), "teacher.safetensors"), loss: angular(), weight: 7 })
 */
export const distil = (
  student: MethodBuilder,
  { teacher, loss, weight = 1 }: DistilOptions,
): MethodBuilder => {
  if (typeof weight === "number") inRange("distil", "weight", weight, ABOVE_ZERO);
  const weightAt = policyOf(weight);
  const own = descriptionOf(student);
  const length = own?.embedding;
  if (loss.sameLength && typeof length === "number" && length !== teacher.embedding)
    throw experimentError("bad-teacher.length", { student: length, teacher: teacher.embedding });
  return described(
    (setting) => {
      const inner = innerMethod({ what: "distil", name: "teacher" }, student, setting);
      const shown = frozen(teacher(setting.shape));
      if (!startsFromWeights(shown)) throw experimentError("bad-teacher.random", {});
      return outerMethod({
        ...inner,
        state: { ...inner.state, teacher: shown },
        plan: (books, batch, at) =>
          planWith("distil", inner.plan(books, batch, at), { teacherWeight: weightAt(at) }),
        step({ teacher, ...own }, batch, { teacherWeight, ...planned }) {
          const { loss: classes, features, ...logged } = inner.step(own, batch, planned);
          const apart = features ? distance(loss, features, { teacher, batch }) : refuseWithoutFeatures();
          return { ...logged, loss: classes.add(apart.mul(teacherWeight)), teacher: apart, features };
        },
        policies: { ...inner.policies, teacherWeight: weightAt },
      });
    },
    {
      kind: "distil",
      embedding: length,
      of: own,
      loss: descriptionOf(loss),
      weight: descriptionOf(weightAt) ?? weightAt,
    },
  );
};
