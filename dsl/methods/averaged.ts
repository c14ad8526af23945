/** @file The average of a net over its steps, kept beside any method, to be evaluated and exported. */
import { described, descriptionOf } from "../core/description.js";
import type { AnyModule } from "../core/module.js";
import { inRange, SHARE } from "../core/range.js";
import type { MethodBuilder, MethodState } from "../method/method.js";
import type { Policy } from "../method/plan.js";
import { follow, twin, twinParts } from "../method/twin.js";
import { policyOf } from "../schedules/always.js";
import { innerMethod, outerMethod, planWith } from "./around.js";

export interface AveragedOptions {
  /** How much of itself the average keeps each step. In a short run, a policy: `({ step }) => Math.min(0.9999, (1 + step) / (10 + step))`. */
  ema?: Policy | number;
  /** What becomes of BatchNorm's running statistics: averaged like the weights, or those of the net. */
  buffers?: "average" | "copy";
}

/**
 * `trained` with an average of its net, which is evaluated and exported in place of the net, or of a twin of it. The step does not see
 * it. It follows at the beginning of each step, so it lacks the last update.
 *
 *     averaged(partialFc({ net, margin: cosFace() }), { ema: 0.9999 })
 */
export const averaged = (
  trained: MethodBuilder,
  { ema = 0.9999, buffers = "average" }: AveragedOptions = {},
): MethodBuilder => {
  if (typeof ema === "number") inRange("averaged", "ema", ema, SHARE);
  const momentum = policyOf(ema);
  const own = descriptionOf(trained);
  return described(
    (setting) => {
      const inner = innerMethod({ what: "averaged", name: "average" }, trained, setting);
      const net = inner.state[inner.net] as AnyModule;
      const average = twin(net, { buffers, statistics: "running" });
      const evaluated = inPlaceOf(inner.state, net, average);
      return outerMethod({
        ...inner,
        state: { ...inner.state, average },
        plan: (books, batch, at) =>
          planWith("averaged", inner.plan(books, batch, at), { averageEma: momentum(at) }),
        step({ average, ...own }, batch, { averageEma, ...planned }) {
          follow(average, own[inner.net], averageEma, buffers);
          return inner.step(own, batch, planned);
        },
        embed: (nets, images) => inner.embed({ ...nets, ...evaluated }, images),
        policies: { ...inner.policies, averageEma: momentum },
      });
    },
    {
      kind: "averaged",
      embedding: own?.embedding,
      of: own,
      ema: descriptionOf(momentum) ?? momentum,
      buffers,
    },
  );
};

/** `average` under the names of `net` and of its twins. */
const inPlaceOf = <T>(state: MethodState, net: unknown, average: T): Readonly<Record<string, T>> =>
  Object.fromEntries(
    Object.entries(state)
      .filter(([, item]) => item === net || twinParts(item)?.of === net)
      .map(([name]) => [name, average]),
  );
