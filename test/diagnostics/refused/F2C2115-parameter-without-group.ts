import { experiment, groups, linear, method, ops, sgd } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2115 «optimizer»: no group of `optimizer` takes `net.fc.weight`, `net.fc.bias` | end the list with a group that takes what is left: { by: sgd() }
  optimizer: groups([{ of: "head.*", by: sgd() }]),
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
