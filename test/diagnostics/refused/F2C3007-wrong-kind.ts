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
          // refused F2C3007 «loose»: a number is needed here, and `loose` is a list of 1 | numbers are literals, options known at build time, and values of the plan
          const more = plan.weight + loose;
          // refused F2C3007 «plan.weight»: a boolean is needed here, and `plan.weight` is a run-time number | compare it: plan.weight !== 0
          const both = plan.weight && plan.late;
          const none: (typeof features)[] = [];
          // refused F2C3007 «ops.cat(none)»: cat: at least one tensor is needed here, got none | it is written ops.cat(tensors, dim?)
          const all = ops.cat(none);
          // refused F2C3007 «(plan.late as unknown as number)»: a number is needed here, and `plan.late` is a run-time boolean | choose one: plan.late ? 1 : 0
          const sum = (plan.late as unknown as number) + 1;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
