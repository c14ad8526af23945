import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const scaled = (texts: TemplateStringsArray) => Number(texts[0]);

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
          // refused F2C1009 «scaled`2`»: a tagged template cannot be compiled | call it as a function: name(…)
          loss = loss.mul(scaled`2`);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
