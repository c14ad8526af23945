import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, weight: at.step / 2 }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          const loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C2124 «weight: features.mean()»: `weight` would be logged under a name that is taken: `weight` is a number of the plan | call it something else
          return { loss, weight: features.mean() };
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
