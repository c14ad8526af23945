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
          const logged = {
            loss,
            // refused F2C1011 «double»: a getter in a record cannot be compiled | compute the value and write `name: value`
            get double() {
              return loss.mul(2);
            },
          };
          const key = "all";
          // refused F2C1011 «[key]»: a computed name in a record cannot be compiled | write the name out
          const byName = { [key]: loss };
          // refused F2C1011 «[key]»: a computed name in a record cannot be compiled | write the name out, or index with it: record[name]
          const { [key]: all } = { all: loss };
          const one = {
            // refused F2C1011 «half»: a method in a record cannot be compiled | write it as a field: `name: () => …`
            half() {
              return loss.mul(0.5);
            },
          };
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
