import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, turns: at.step + 2 }),
        step({ net, head }, { x }, plan) {
          let features = net(x);
          for (let i = 0; i < plan.turns; i++) {
            // refused F2C4005 «ops.rand([4, 8])»: rand would draw the same in every turn of this loop | draw before the loop
            features = features.mul(ops.rand([4, 8]));
          }
          // A loop that is known now is written out: each turn draws its own.
          for (let i = 0; i < 2; i++) features = features.add(ops.randn([4, 8]));
          return ops.cross_entropy(head(features), plan.labels).mean();
        },
        embed: ({ net }, images) => {
          const features = net(images);
          // refused F2C4005 «ops.bernoulli(features)»: bernoulli: random numbers are a function of the step's number | draw in `step`
          return features.mul(ops.bernoulli(features));
        },
      },
    ),
});
