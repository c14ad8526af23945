import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const noise = () => 1 + Math.random() / 10;

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
          // refused F2C2010 «Math.random»: `Math.random` would be called once, while the program is built: every step would get the same value | draw on the device, ops.rand([8]), or in the plan, and pass the number as a value of the plan
          loss = loss.mul(Math.random());
          // refused F2C2010 «noise»: `Math.random` would be called once, while the program is built: every step would get the same value | draw on the device, ops.rand([8]), or in the plan, and pass the number as a value of the plan
          loss = loss.mul(noise());
          // refused F2C2010 «Date.now»: `Date.now` would be called once, while the program is built: every step would get the same value | read the clock in the plan, and pass the number as a value of the plan
          loss = loss.mul(Date.now());
          // refused F2C2010 «new Date()»: `new Date` would be called once, while the program is built: every step would get the same value | read the clock in the plan, and pass the number as a value of the plan
          loss = loss.mul(new Date().getTime());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
