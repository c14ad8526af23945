import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, head }, { x }, plan): any {
          const rows = net(x);
          // refused F2C3015 «rows»: `rows`, which the step returns, must be one number, a tensor f32[], got a tensor f32[4, 8] | reduce it with .mean() or .sum()
          return { loss: ops.cross_entropy(head(rows), plan.labels).mean(), rows };
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
