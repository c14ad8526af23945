import { experiment, linear, method, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5), bank: state([8]) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, turns: at.step + 2, weight: at.step / 2 }),
        step({ net, head, bank }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          const [keys, wide]: any[] = [features.slice(1, 0, 4), features.pad([0, 1])];
          // refused F2C3001 «ops.scaled_dot_product_attention(features, keys, features)»: scaled_dot_product_attention: query [4, 8], key [4, 4] and value [4, 8] do not fit
          loss = loss.add(ops.scaled_dot_product_attention(features, keys, features).mean());
          // refused F2C3001 «ops.scaled_dot_product_attention(features, features, features, wide)»: scaled_dot_product_attention: a mask [4, 9] does not broadcast to [4, 4]
          loss = loss.add(ops.scaled_dot_product_attention(features, features, features, wide).mean());
          const shown: any = head(features);
          // refused F2C3001 «bank.add_(shown)»: add_: [4, 5] does not broadcast to [8]
          bank.add_(shown);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
