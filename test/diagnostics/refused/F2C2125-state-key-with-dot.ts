import { experiment, linear, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      // refused F2C2125 «"my.bank": state([5, 8])»: the state's `my.bank` has a dot in its name, and a dot stands between a net and its parts | write the key without a dot
      { net: net(), head: linear(8, 5), "my.bank": state([5, 8]) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
