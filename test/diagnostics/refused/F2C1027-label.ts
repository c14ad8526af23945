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
          // refused F2C1027 «outer»: a label cannot be compiled | put the inner loop into a function and return from it
          outer: for (const i of [1, 2]) {
            for (const j of [3, 4]) {
              if (i * j > 6) break outer;
              loss = loss.mul(i * j);
            }
          }
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
