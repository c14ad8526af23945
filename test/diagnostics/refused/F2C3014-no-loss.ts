import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, head }, { x }, plan): any {
          // refused F2C3014 «{ cost: ops.cross_entropy(head(net(x)), plan.labels).mean() }»: the step returns a record { cost }, and no `loss` | return the loss, or { loss, …more numbers to log }
          return { cost: ops.cross_entropy(head(net(x)), plan.labels).mean() };
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
