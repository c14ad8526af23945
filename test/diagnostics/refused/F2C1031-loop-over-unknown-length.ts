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
          const loose: any = features;
          // refused F2C1031 «loose»: `loose` is a tensor f32[4, 8], which for..of cannot loop over | use ops on the whole tensor; one row of it is .select(0, i)
          for (const row of loose) loss = loss.add(row.mean());
          const turns: any = plan.turns;
          // refused F2C1031 «turns»: `turns` is a run-time number, which for..of cannot loop over | to count, write for (let i = 0; i < n; i++)
          for (const turn of turns) loss = loss.mul(turn);
          const weights: any = parametersOf(net);
          // refused F2C1031 «weights»: `weights` is a group of tensors, which for..of cannot loop over | a group is one value
          for (const weight of weights) loss = loss.add(weight.mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
