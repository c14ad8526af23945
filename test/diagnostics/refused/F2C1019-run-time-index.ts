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
          const scales = [features, features.mul(2)];
          // refused F2C1019 «plan.turns»: a list is indexed with a run-time number | choose with if: if (plan.n === 0) … else …; or put the tensors into one, and take a row of it with .index_select and an Int32Array of the plan
          loss = loss.add(scales[plan.turns]!.mean());
          // refused F2C1019 «plan.turns»: a list is cut at a run-time number | cut it where the program is built, or choose with if: if (plan.n === 1) … else …
          const rest = scales.slice(plan.turns);
          // refused F2C1019 «{ length: plan.turns }»: a list is made as long as a run-time number | lists have lengths that are known now; to count, write for (let i = 0; i < n; i++)
          for (const row of Array.from({ length: plan.turns }, (_, i) => i)) loss = loss.mul(row);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
