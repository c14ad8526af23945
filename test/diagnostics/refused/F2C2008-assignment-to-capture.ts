import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

let total = 0;
let count = 0;
let sum = 0;
export const totals = () => [total, count, sum];

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
          // refused F2C2008 «total»: `total` belongs to the code around the compiled function and cannot be assigned here | return the value; what one step leaves to the next is state(…)
          total = plan.weight;
          // refused F2C2008 «count»: `count` belongs to the code around the compiled function and cannot be assigned here | return the value; what one step leaves to the next is state(…)
          count++;
          // refused F2C2008 «sum»: `sum` belongs to the code around the compiled function and cannot be assigned here | return the value; what one step leaves to the next is state(…)
          sum += plan.weight;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
