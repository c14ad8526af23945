import { experiment, linear, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      // refused F2C2122 «"head.weight": state([5, 8])»: two tensors of the method's state would both be called `head.weight` | rename one of the keys
      { net: net(), head: linear(8, 5), "head.weight": state([5, 8]) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
