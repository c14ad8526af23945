import { experiment, linear, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5), bank: state([5, 8]), mean: state([8]) },
      {
        plan: (_books, { x }, at) => ({
          labels: x.labels,
          turns: at.step + 2,
          late: at.step > 3,
          weight: at.step / 2,
        }),
        step({ net, head, bank, mean }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          loss = loss.add(bank.mul(features.mean()).mean());
          // refused F2C4001 «bank.copy_(bank.mul(0.9))»: `bank` is written here, but the gradient of the loss still needs what it held | move the write to after the last line that the loss depends on
          bank.copy_(bank.mul(0.9));
          loss = loss.add(bank.sum().detach());
          loss = loss.add(mean.mul(features.mean(0)).sum());
          // refused F2C4001 «mean.copy_(bank.mean(0))»: `mean` is written here
          mean.copy_(bank.mean(0));
          bank.mul_(2);
          loss = loss.add(mean.sum().detach());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
