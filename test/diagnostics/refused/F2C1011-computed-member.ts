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
            // refused F2C1011 «double»: getters, setters, methods and computed names | name: value
            get double() {
              return loss.mul(2);
            },
          };
          const key = "all";
          // refused F2C1011 «[key]»: getters, setters, methods and computed names | name: value
          const byName = { [key]: loss };
          // refused F2C1011 «[key]»: getters, setters, methods and computed names | record[name]
          const { [key]: all } = { all: loss };
          const one = {
            // refused F2C1011 «half»: getters, setters, methods and computed names | name: value
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
