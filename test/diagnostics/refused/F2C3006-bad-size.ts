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
          const size = -2 as number;
          // refused F2C3006 «[size, 4]»: reshape: -2 is not a size | sizes are whole numbers; check what they are computed from
          const grid = features.reshape([size, 4]);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
