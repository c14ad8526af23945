import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, turns: at.step + 2, weight: at.step / 2 }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C3019 «[plan.weight, 1]»: tensor: its numbers must be known when the program is built, got a run-time number | ops.from_scalar(n)
          loss = loss.mul(ops.tensor([plan.weight, 1]).mean());
          // refused F2C3019 «[[1, 2], [3]]»: tensor: the lists in it are of different lengths | fill the shorter lists up
          loss = loss.mul(ops.tensor([[1, 2], [3]]).mean());
          const odd: any = ["a"];
          // refused F2C3019 «odd»: tensor: the string "a" is no finite number
          loss = loss.mul(ops.tensor(odd).mean());
          // refused F2C3019 «[1, Number.NaN]»: tensor: NaN is no finite number
          loss = loss.mul(ops.tensor([1, Number.NaN]).mean());
          const one: any = 3;
          // refused F2C3019 «one»: tensor: a list of numbers is needed, got the number 3 | ops.full([], 0.5) is one number
          loss = loss.mul(ops.tensor(one).mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
