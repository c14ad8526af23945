import { experiment, fixed, linear, method, ops, syntheticFaces, verification } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
  // refused F2C2509 «evaluate»: `evaluate.larger`: the images of its `data` are [3, 32, 32], those that train [3, 16, 16] | the same size and channels
  evaluate: {
    larger: verification({ data: syntheticFaces({ identities: 9, imagesPerIdentity: fixed(4), size: 32 }) }),
  },
});
