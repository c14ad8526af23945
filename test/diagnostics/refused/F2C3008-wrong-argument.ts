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
          // refused F2C3008 «loose.relu(1, 2)»: relu takes no arguments, got 2 | docs/ops.md
          loss = loss.add(loose.relu(1, 2).mean());
          // refused F2C3008 «loose.add("1")»: add takes a tensor here, got string "1" | docs/ops.md
          loss = loss.add(loose.add("1").mean());
          // refused F2C3008 «loose.add()»: add takes a tensor or a number as `other`, got nothing | docs/ops.md
          loss = loss.add(loose.add().mean());
          // refused F2C3008 «loose.sum("rows")»: sum takes a list of whole numbers as `dim`, got "rows" | docs/ops.md
          loss = loss.add(loose.sum("rows").mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
