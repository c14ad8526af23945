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
          const loose: any = ops;
          // refused F2C3002 «loose.conv2d(features, features)»: conv2d: the images [N, C, H, W] must have 4 dimensions, got [4, 8] | .unsqueeze(dim) adds a dimension; .squeeze(dim) and .flatten(1) take some away
          loss = loss.add(loose.conv2d(features, features).mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
