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
          // refused F2C1014 «Math.tan»: Math.tan of a run-time number | min, max, abs
          loss = loss.mul(Math.tan(plan.weight));
          // refused F2C1014 «Math.round»: Math.round of a run-time number | write Math.floor(x + 0.5)
          loss = loss.mul(Math.round(plan.weight));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
