import { experiment, linear, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      // refused F2C2121 «optimizer: state([8])»: the state's `optimizer` has a name that is taken: what the optimizer keeps is called `optimizer.…` | call it something else
      { net: net(), head: linear(8, 5), optimizer: state([8]) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
