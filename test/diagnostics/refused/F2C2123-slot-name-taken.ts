import { experiment, linear, method, ops, optimizer } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2123 «optimizer»: the optimizer's slot `gradients` has a name that is taken: its update has a group `gradients` already | call it something else
  optimizer: optimizer(["gradients"], ({ parameters, gradients }, { lr }) => {
    parameters.foreach_add_(gradients, -lr);
  }),
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
