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
          // refused F2C3008 «1»: relu: it takes no arguments, got 2 | it is written x.relu()
          loss = loss.add(loose.relu(1, 2).mean());
          // refused F2C3008 «"1"»: add: `other` must be a tensor or a number, got the string "1" | it is written x.add(other)
          loss = loss.add(loose.add("1").mean());
          // refused F2C3008 «loose.add()»: add: `other` is missing; it must be a tensor or a number | it is written x.add(other)
          loss = loss.add(loose.add().mean());
          // refused F2C3008 «"rows"»: sum: `dim` must be a whole number or a list of them, got the string "rows" | it is written x.sum(dim?, { keepdim? })
          loss = loss.add(loose.sum("rows").mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
