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
          // refused F2C2011 «console.log»: `console.log` prints in Node: it cannot be called on the device | return the number beside the loss, { loss, name: value }: it is logged with every step
          console.log("loss", loss);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
