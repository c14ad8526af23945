import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({
          labels: x.labels,
          // refused F2C2403 «weight: at.step / at.step»: `weight` of the plan is NaN at step 0 | check the policy
          weight: at.step / at.step,
          // Without end it may be.
          limit: 1 / at.step,
        }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
