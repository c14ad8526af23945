import { experiment, groups, linear, method, ops, sgd } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2114 «-1»: groups: `lr` of the group `head` is -1 | a factor of the experiment's learning rate
  optimizer: groups([{ of: "head.*", by: sgd(), lr: -1 }, { by: sgd() }]),
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
