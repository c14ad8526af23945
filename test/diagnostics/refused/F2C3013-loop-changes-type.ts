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
          // refused F2C3013 «for (let i = 0; i < plan.turns; i++)»: `loose` is f32[4, 8] before the loop and f32[] after a turn | keeps its type and shape
          for (let i = 0; i < plan.turns; i++) loose = loose.mean();
          let unset: any;
          // refused F2C3013 «for (let i = 0; i < plan.turns; i++)»: `unset` is undefined before the loop | before the loop
          for (let i = 0; i < plan.turns; i++) unset = features;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
