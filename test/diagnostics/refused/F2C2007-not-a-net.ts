import { experiment, linear, method, ops, parametersOf } from "f2c-dsl";
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
          // refused F2C2007 «features»: parametersOf takes a net, got a tensor f32[4, 8] | pass a net of the method's state, or a child of the module
          const all = parametersOf(features);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
