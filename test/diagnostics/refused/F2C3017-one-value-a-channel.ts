import {
  batchNorm1d,
  batchNorm2d,
  dual,
  experiment,
  linear,
  loader,
  method,
  module,
  ops,
  sequential,
} from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  loader: loader(dual({ identities: 1, instances: 0 })),
  method: () =>
    method(
      { net: normed(), head: linear(8, 5), maps: batchNorm2d(3), rest: sequential(batchNorm2d(3)) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, head, maps, rest }, { x }, plan) {
          // Sixteen by sixteen values a channel are enough, of one image too.
          const fit = maps(x).mean();
          const pooled = ops.adaptive_avg_pool2d(x, [1, 1]);
          // refused F2C3017 «rest(pooled)»: batch_norm: [1, 3, 1, 1] has one value a channel
          const single = rest(pooled);
          return ops
            .cross_entropy(head(net(x as never)), plan.labels)
            .mean()
            .add(fit);
        },
        embed: ({ net }, images) => net(images as never),
      },
    ),
});

function normed() {
  return module({ net: net(), bn: batchNorm1d(8) }, ({ net, bn }, x: never) => {
    const features = net(x);
    // refused F2C3017 «bn(features)»: batch_norm: [1, 8] has one value a channel, which training would normalise to 0 whatever it is | raise the loader's `identities` or `instances`
    return bn(features);
  });
}
