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
          const last = 4 as number;
          // refused F2C3004 «features.transpose(0, last)»: transpose: dimension 4 is out of range for 2 dimensions | dimensions count from 0, or from the end: -1 is the last
          const turned = features.transpose(0, last);
          // refused F2C3004 «features.slice(0, 0, 1000)»: slice: 0 to 1000 is not within dimension 0 of [4, 8] | dimension 0 has 4, so the end is 4 at most: .slice(0, 0, 4)
          const part = features.slice(0, 0, 1000);
          // refused F2C3004 «features.slice(1, 5, 2)»: slice: 5 to 2 is not within dimension 1 of [4, 8] | the start is 0 at least and not behind the end
          const none = features.slice(1, 5, 2);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
