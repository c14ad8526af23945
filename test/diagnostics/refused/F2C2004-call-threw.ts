import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const widthOf = (name: string): number => {
  if (name !== "small") throw new Error(`no width for ${name}`);
  return 3;
};

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
          // refused F2C2004 «widthOf("huge")»: `widthOf("huge")` threw while the program was built: no width for huge | check its arguments: a call whose arguments are all known is made while the program is built, in Node
          loss = loss.mul(widthOf("huge"));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
