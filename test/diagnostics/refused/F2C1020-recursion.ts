import { experiment, type Features, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

// refused F2C1020 «doubled(y.mul(0.5))»: `doubled` calls itself through `halved`, and a compiled function may not | write the recursion as a loop: for (const item of list) …
const halved = (y: Features<8>): Features<8> => doubled(y.mul(0.5));
const doubled = (y: Features<8>): Features<8> => halved(y.mul(2));

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
          loss = loss.add(halved(features).mean());
          const fib = (n: number): number => {
            if (n < 2) return n;
            // refused F2C1020 «fib(n - 1)»: `fib` calls itself, and a compiled function may not | write the recursion as a loop: for (const item of list) …
            const one = fib(n - 1);
            const two = fib(n - 2);
            return one + two;
          };
          loss = loss.mul(fib(plan.turns));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
