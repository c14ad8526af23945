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
          const loose: any = plan.labels;
          // refused F2C3003 «loose»: relu: a floating-point tensor is needed, got i64[4]; cast it with .to("f32")
          loss = loss.add(loose.relu().mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
