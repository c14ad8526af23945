import { experiment, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      // refused F2C2106 «{ bank: state([5, 8]) }»: the method's state has no net | method({ net, … }, …)
      { bank: state([5, 8]) },
      {
        plan: (_books, { x }, at) => ({
          labels: x.labels,
          turns: at.step + 2,
          late: at.step > 3,
          weight: at.step / 2,
        }),
        step({ bank }, { x }, plan) {
          const features = bank;
          let loss = ops.cross_entropy(features, plan.labels).mean();
          loss = loss.mul(2);
          return loss;
        },
        embed: ({ bank }) => bank,
      },
    ),
});
