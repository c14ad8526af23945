import { experiment, follow, linear, method, ops, parametersOf, twin } from "f2c-dsl";
import { net, setting } from "./setting.js";

const head = linear(8, 5);

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head, last: twin(head) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, head, last }, { x }, plan) {
          let loss = ops.cross_entropy(head(net(x)), plan.labels).mean();
          loss = loss.mul(parametersOf(last).foreach_norm());
          // refused F2C4001 «follow(last, head, 0.9, "own")»: `last.weight` is written here, but the gradient of the loss still needs what it held
          follow(last, head, 0.9, "own");
          return loss.mul(2);
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
