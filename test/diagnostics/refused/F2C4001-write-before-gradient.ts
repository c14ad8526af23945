import { experiment, linear, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5), bank: state([5, 8]) },
      {
        plan: (_books, { x }, at) => ({
          labels: x.labels,
          turns: at.step + 2,
          late: at.step > 3,
          weight: at.step / 2,
        }),
        step({ net, head, bank }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          loss = loss.add(bank.mul(features.mean()).mean());
          // refused F2C4001 «bank.copy_(bank.mul(0.9))»: `bank` is written here, but the gradient of the loss still needs what it held | move the write to after the last line that the loss depends on
          bank.copy_(bank.mul(0.9));
          loss = loss.mul(2);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
