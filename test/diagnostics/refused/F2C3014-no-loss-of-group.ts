import { experiment, groups, linear, method, ops, sgd } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  optimizer: groups([{ of: "head.*", by: sgd(), loss: "centre" }, { by: sgd() }]),
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, head }, { x }, plan) {
          const loss = ops.cross_entropy(head(net(x)), plan.labels).mean();
          // refused F2C3014 «{ loss }»: the group `head` of `optimizer` learns by `centre`, which is not among what the step returns | return it beside the loss
          return { loss };
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
