import { experiment, type Features, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const halved = (x: Features): Features => {
  for (let i = 0; i < x.size(0); i++) {
    // refused F2C1033 «return x.mul(0.5);»: a return inside a loop cannot give a tensor f32[B, 8]: B is not one fixed number | leave the loop with break, and compute and return the tensor after it
    if (i > 3) return x.mul(0.5);
  }
  return x;
};

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => halved(net(images)),
      },
    ),
});
