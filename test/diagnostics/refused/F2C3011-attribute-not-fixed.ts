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
          // refused F2C3011 «plan.turns»: select: `index` must be known when the program is built, got a run-time number | x.narrow(dim, index, 1).squeeze(dim) is the slice that a run-time number says
          const row = features.select(0, plan.turns);
          // refused F2C3011 «plan.turns»: slice: `start` must be known when the program is built, got a run-time number | x.narrow(dim, start, length)
          loss = loss.add(features.slice(0, plan.turns, 2).mean());
          // refused F2C3011 «plan.turns»: topk: `k` must be known when the program is built, got a run-time number | shapes and options are the same in every step: write a number, or a const from outside the compiled function
          const [most] = features.topk(plan.turns);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
