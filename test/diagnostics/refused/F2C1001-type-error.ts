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
          const fixed = features.as<[4, 8]>();
          // refused F2C1001 «loss.sub(features)»: this is a tensor f32[number, 8], where f32[] is wanted | reduce the tensor with .mean() or .sum()
          loss = loss.sub(features);
          // refused F2C1001 «fixed»: matmul: [4, 8] times [4, 8], the inner dimensions differ
          const square = fixed.matmul(fixed);
          // refused F2C1001 «"a"»: Type 'string' is not assignable to type 'number'
          const count: number = "a";
          loss = loss.mul(count);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
