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
          // refused F2C2001 «parseInt»: `parseInt` is not known inside a compiled function | compute it outside the compiled function, in a const, and use the const here; of JavaScript's own only Math, Number, Object and Array are known
          loss = loss.mul(parseInt("3", 10));
          // refused F2C2001 «JSON»: `JSON` is not known inside a compiled function | compute it outside the compiled function, in a const, and use the const here; of JavaScript's own only Math, Number, Object and Array are known
          loss = loss.mul(JSON.parse("3"));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
