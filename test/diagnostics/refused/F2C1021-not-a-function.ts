import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const options: any = { scale: 2 };

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
          const loose: any = plan;
          // refused F2C1021 «loose.labels»: `loose.labels` is a tensor i64[4], not a function | leave out the (), or check the name
          loss = loss.mul(loose.labels(3));
          // refused F2C1021 «options.scale»: `options.scale` is the number 2, not a function | leave out the (), or check the name
          loss = loss.mul(options.scale(3));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
