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
          // refused F2C1012 «plan.weight»: a string cannot hold a run-time number | leave the value out; a tensor of one number is logged by returning it beside the loss: { loss, name: value }
          const label = `weight ${plan.weight}`;
          // refused F2C1012 «plan.weight»: a string cannot hold a run-time number | leave the value out; a tensor of one number is logged by returning it beside the loss: { loss, name: value }
          const other = "weight " + plan.weight;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
