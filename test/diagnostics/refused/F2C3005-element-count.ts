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
          const sizes = [3, 3] as number[];
          // refused F2C3005 «sizes»: reshape: [4, 8] has 32 elements, [3, 3] has 9 | one size may be -1: it is computed from the others
          const grid = features.reshape(sizes);
          return loss;
        },
        embed: ({ net }, images) => {
          const rows = net(images);
          // refused F2C3005 «[rows.shape[0]!, 4]»: reshape: size 0 would be 2*B, and B is written | the sizes must keep every element
          return rows.reshape([rows.shape[0]!, 4]);
        },
      },
    ),
});
