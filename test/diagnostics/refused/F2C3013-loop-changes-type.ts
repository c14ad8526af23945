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
          // refused F2C3013 «loose = loose.mean()»: `loose` is f32[4, 8] before the loop, but f32[] after one turn | keep its type and shape, or give the result a new name inside the loop
          for (let i = 0; i < plan.turns; i++) loose = loose.mean();
          let unset: any;
          // refused F2C3013 «unset = features»: `unset` is undefined before the loop, but assigned in it, and the loop may have no turn | give it a number or a tensor before the loop, of the type and shape that it will have
          for (let i = 0; i < plan.turns; i++) unset = features;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
