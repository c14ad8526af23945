import { experiment, method, noGrad, normal, parameter } from "f2c-dsl";
import { net, setting } from "./setting.js";

const frozen = { ...parameter([5, 8], normal(1)), trainable: false as const };

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), classes: parameter([5, 8], normal(1)), others: parameter([5, 8], normal(1)), frozen },
      {
        plan: (_books, { x }) => ({ labels: x.labels, scale: 2 }),
        step({ net, classes, others, frozen }, { x }, plan) {
          const features = net(x);
          const own = classes.rows(plan.labels);
          // refused F2C4006 «classes.rows(plan.labels)»: rows of `classes` are taken a second time in this step | .rows(ops.cat([a, b]))
          const again = classes.rows(plan.labels);
          // refused F2C4006 «features.rows(plan.labels)»: `rows` is of a parameter of the state, and this is f32[ | index_select(index)
          const few = features.rows(plan.labels);
          // refused F2C4006 «frozen.rows(plan.labels)»: `frozen` is not trained | index_select(index)
          const still = frozen.rows(plan.labels);
          // refused F2C4006 «others.rows(plan.labels)»: rows of `others` are taken within a region | take them before it
          const unseen = noGrad(() => others.rows(plan.labels));
          // refused F2C3008 «plan.scale as never»: rows: `index` must be one tensor i64 [S], of which S is known, got a run-time number
          const one = others.rows(plan.scale as never);
          return own.add(again).add(few).add(still).add(unseen).add(one).mul(features).sum();
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
