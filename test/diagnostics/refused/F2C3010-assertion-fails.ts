import { type Dim, experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

type Batch = Dim<"B">;

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
          // refused F2C3010 «[3, 8]»: `features` is f32[4, 8], not [3, 8] | correct the sizes, or use .reshape where the shape is to change
          const three = features.as<[3, 8]>();
          // One name is one size: the batch is 4 here.
          features.as<[Batch, number]>();
          // refused F2C3010 «[Batch, 5]»: `head(features).slice(0, 0, 2)` is f32[2, 5], not [Batch, 5]: Batch is 4 | correct the sizes, or use .reshape where the shape is to change
          head(features).slice(0, 0, 2).as<[Batch, 5]>();
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
