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
          turns: at.step + 2,
          late: at.step > 3,
          weight: at.step / 2,
        }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C1010 «typeof plan.weight»: `typeof` cannot be compiled | a value has the same type in every step; branch on an option that you pass instead: if (options.kind === …)
          if (typeof plan.weight === "number") loss = loss.mul(plan.weight);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
