import { experiment, linear, method, ones, ops, parameter } from "f2c-dsl";
import { net, setting } from "./setting.js";

// refused F2C2102 «parameter([1, 0], ones())»: a parameter of shape [1, 0] has a size of 0 | whole numbers from 1 up
const scale = parameter([1, 0], ones());

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5), scale },
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
