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
          // refused F2C1024 «throw new Error("too late");»: `throw` cannot be compiled | check what is known beforehand outside the compiled function, and values of the plan in the plan
          if (plan.late) throw new Error("too late");
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
