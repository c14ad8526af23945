import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const scales = Array.from({ length: 5000 }, (_, i) => i);

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
          // refused F2C1032 «for (let i = 0; i < 5000; i++)»: this loop has more than 4096 turns, and one that is known now may have 4096: each is written out | check its condition; or count to a value of the plan, which makes it a real loop: i < plan.n
          for (let i = 0; i < 5000; i++) loss = loss.mul(0.999);
          // refused F2C1032 «for (const scale of scales)»: this loop has 5000 turns, and one that is known now may have 4096: each is written out | work on a whole tensor, or count to a value of the plan: for (let i = 0; i < plan.n; i++)
          for (const scale of scales) loss = loss.mul(scale);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
