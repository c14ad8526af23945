import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const options = { scale: 2 };

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
          // refused F2C1026 «for (const name in options)»: `for..in` cannot be compiled | use for (const [name, value] of Object.entries(x))
          for (const name in options) loss = loss.mul(options[name as "scale"]);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
