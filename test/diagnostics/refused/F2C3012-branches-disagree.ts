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
          // refused F2C3012 «loose = loss»: `loose` is a tensor f32[] where `plan.late` holds, and a tensor f32[4, 8] where not | give it one type and shape on both sides, or use a new name in the branch
          if (plan.late) loose = loss;
          // refused F2C3012 «plan.late ? features : 3»: the result is a tensor f32[4, 8] where `plan.late` holds, and the number 3 where not | give both sides one type and shape
          const either = plan.late ? features : 3;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
