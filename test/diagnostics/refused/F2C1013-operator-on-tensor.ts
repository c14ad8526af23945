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
          // refused F2C1013 «y * 2»: * is for numbers, and `y` is a tensor f32[4, 8] | use the method: y.mul(2)
          const double = (y: any): any => y * 2;
          loss = loss.add(double(features).mean());
          const loose: any = loss;
          // refused F2C1013 «loose > 3»: > is for numbers, and `loose` is a tensor f32[] | a tensor decides nothing here: choose with ops.where(loose.gt(3), a, b), or decide in the plan
          if (loose > 3) loss = loss.mul(2);
          // refused F2C1013 «-loose»: - is for numbers, and `loose` is a tensor f32[] | use the method: loose.neg()
          loss = -loose as never;
          // refused F2C1013 «!loose»: ! is for booleans, and `loose` is a tensor f32[] | use the method: loose.logical_not()
          const none = !loose;
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
