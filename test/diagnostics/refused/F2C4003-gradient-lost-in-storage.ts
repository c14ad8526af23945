import { experiment, linear, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5), bank: state([5, 8]), copied: state([5, 8]), mean: state([8]) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, late: at.step > 3 }),
        step({ net, head, bank, copied, mean }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          bank.index_copy_(plan.labels, features);
          // refused F2C4003 «bank.transpose(0, 1)»: the loss reads `bank` here, which the step has written: the gradient of what was written would be lost | use the value that is written, instead of reading it back
          loss = loss.add(features.matmul(bank.transpose(0, 1)).mean());
          copied.copy_(bank);
          // refused F2C4003 «copied.mul(2)»: the loss reads `copied` here
          loss = loss.add(copied.mul(2).mean());
          // Also where a condition decides.
          if (plan.late) mean.copy_(features.mean(0));
          // refused F2C4003 «features.add(mean)»: the loss reads `mean` here
          loss = loss.add(features.add(mean).mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
