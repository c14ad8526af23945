import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        // refused F2C2124 «seconds: at.step / 2»: `plan.seconds` would be logged under a name that is taken: `seconds` is how long the step took | call it something else
        plan: (_books, { x }, at) => ({ labels: x.labels, seconds: at.step / 2 }),
        step: ({ net, head }, { x }, plan) =>
          ops
            .cross_entropy(head(net(x)), plan.labels)
            .mean()
            .mul(plan.seconds),
        embed: ({ net }, images) => net(images),
      },
    ),
});
