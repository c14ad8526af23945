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
          const loose: any = [1];
          // refused F2C3007 «plan.weight + loose»: a number is needed here, got a list | values of the plan
          const more = plan.weight + loose;
          // refused F2C3007 «plan.weight»: a boolean is needed here, got a run-time number | x !== 0
          const both = plan.weight && plan.late;
          const none: (typeof features)[] = [];
          // refused F2C3007 «ops.cat(none)»: cat: at least one tensor is needed here, got none | docs/ops.md
          const all = ops.cat(none);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
