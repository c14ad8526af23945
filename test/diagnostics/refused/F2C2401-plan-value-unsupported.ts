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
          // refused F2C2401 «name: "late" as never»: `plan.name` is a string, which a plan cannot hold | Int32Array
          name: "late" as never,
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
