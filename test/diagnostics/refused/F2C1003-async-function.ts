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
          const patient = async (y: typeof features) => y;
          // refused F2C1003 «patient(features)»: `patient` is async and cannot be compiled | remove `async`; what has to be waited for is waited for outside, in the experiment
          const waited = patient(features);
          const counting = function* () {
            yield 3;
          };
          // refused F2C1003 «counting()»: `counting` is a generator and cannot be compiled | remove the `*`, and return a list
          const counted = counting();
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
