import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({
          labels: x.labels,
          turns: at.step + 2,
          late: at.step > 3,
          weight: at.step / 2,
        }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          const loose: any = features;
          // refused F2C1018 «loose[0]»: `loose` is a tensor f32[4, 8], which [] cannot index | loose[0] is loose.select(0, 0), loose[a:b] is loose.slice(0, a, b), loose[tensor] is loose.index_select(tensor)
          loss = loss.add(loose[0].mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
