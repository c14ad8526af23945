import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2013 «lr»: `lr` is NaN at step 0 | a finite number from 0 up
  lr: (at) => Math.log(at.step - 1),
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, weight: at.step / 2 }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
