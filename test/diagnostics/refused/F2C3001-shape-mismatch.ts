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
          const loose: any = features;
          // refused F2C3001 «features.matmul(loose)»: matmul: inner dimensions 8 and 4 differ ([4, 8] times [4, 8]) | transpose the second: features.matmul(features.transpose(0, 1))
          loss = loss.add(features.matmul(loose).mean());
          // refused F2C3001 «loose.add(plan.labels)»: add: [4, 8] and [4] do not broadcast: 8 against 4 in dimension -1 | labels has a value for each row: .unsqueeze(1) makes it a column, [4, 1]; here features: f32[4, 8], labels: i64[4]
          loss = loss.add(loose.add(plan.labels).mean());
          const mean: any = features.mean(0, { keepdim: true });
          // refused F2C3001 «mean.masked_fill(features.gt(0), 0)»: masked_fill: a mask [4, 8] does not broadcast to [1, 8] | change one of them with .transpose(0, 1), .unsqueeze(dim) or .reshape([…]); here mean: f32[1, 8]
          loss = loss.add(mean.masked_fill(features.gt(0), 0).mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
