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
          // refused F2C2404 «lr: at.step / 2»: `plan.lr` has a name that is taken: the step has an input `lr` already | call it something else
          lr: at.step / 2,
        }),
        step: ({ net, head }, { x }, plan) =>
          ops
            .cross_entropy(head(net(x)), plan.labels)
            .mean()
            .mul(plan.lr),
        embed: ({ net }, images) => net(images),
      },
    ),
});
