import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const foreign = Function.prototype.bind.call(() => 3, null);

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
          loss = loss.mul(2);
          return loss;
        },
        // refused F2C2006 «foreign as never»: the method's `embed` has no TypeScript source that could be compiled | write it in the experiment, or in a .ts file that it imports by a relative path
        embed: foreign as never,
      },
    ),
});
