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
          const parts: { all?: typeof loss; own?: typeof loss } = { all: loss, own: loss };
          // refused F2C1008 «delete parts.own»: `delete` cannot be compiled | make a new record without the field: const { field, ...rest } = record
          delete parts.own;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
