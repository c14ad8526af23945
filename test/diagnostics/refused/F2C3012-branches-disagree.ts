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
          let loose: any = features;
          // refused F2C3012 «if (plan.late)»: `loose` is a tensor f32[] in one branch and a tensor f32[4, 8] in the other | one type and shape
          if (plan.late) loose = loss;
          // refused F2C3012 «plan.late ? features : 3»: the result is a tensor f32[4, 8] in one branch and number 3 in the other | one type and shape
          const either = plan.late ? features : 3;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
