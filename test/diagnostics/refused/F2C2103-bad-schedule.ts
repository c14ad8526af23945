import { experiment, linear, method, multistep, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

// refused F2C2103 «[8, 4]»: multistep: the `epochs` [8, 4] are not in rising order | write epochs: [4, 8]
export const lr = multistep({ base: 0.1, epochs: [8, 4] });

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
          loss = loss.mul(2);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
