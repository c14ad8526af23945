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
          const wrong = loss.gt(3);
          // refused F2C1015 «wrong»: `wrong` is a tensor bool[], which cannot be a condition: its values are known only on the device | choose element by element with ops.where(condition, a, b), or decide in the plan and pass a boolean
          if (wrong) loss = loss.mul(2);
          // refused F2C1015 «wrong»: `wrong` is a tensor bool[], which cannot be a condition: its values are known only on the device | choose element by element with ops.where(condition, a, b), or decide in the plan and pass a boolean
          loss = wrong ? loss.mul(2) : loss;
          // refused F2C1015 «wrong»: `wrong` is a tensor bool[], which cannot be a condition: its values are known only on the device | count to a value of the plan: for (let i = 0; i < plan.n; i++)
          while (wrong) loss = loss.mul(2);
          // refused F2C1015 «wrong»: `wrong` is a tensor bool[], which cannot be a condition: its values are known only on the device | tensors of booleans have .logical_and(…); a boolean of the plan chooses with plan.flag ? a : b
          const both = wrong && plan.late;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
