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
          // refused F2C1014 «Math.tan»: Math.tan of a run-time number cannot be compiled | Math has min, max, abs, pow, exp, log, sqrt, cos, sin, floor here; or compute it in the plan
          loss = loss.mul(Math.tan(plan.weight));
          // refused F2C1014 «Math.round»: Math.round of a run-time number cannot be compiled | write Math.floor(x + 0.5)
          loss = loss.mul(Math.round(plan.weight));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
