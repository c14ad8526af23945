import { experiment, linear, method, ops, remat, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5), seen: state([8]) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, head, seen }, { x }, plan) {
          const features = net(x);
          // refused F2C4002 «remat»: `remat` would write twice: its body contains copy_ | write after the loss, outside of `remat`
          const scores = remat(() => {
            seen.copy_(net(x).mean(0));
            return head(net(x));
          });
          return ops.cross_entropy(scores, plan.labels).mean().add(features.mean());
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
