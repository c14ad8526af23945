import { experiment, linear, method, ops, state, zeros } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5), count: state([2], zeros(), "i64") },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, turns: at.step + 2, weight: at.step / 2 }),
        step({ net, head, count }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          const real: any = features.mean();
          // refused F2C3003 «count.mul_(real)»: mul_: f32 values do not fit into i64[2]; cast them with .to("i64")
          count.mul_(real);
          // refused F2C3003 «count»: pad: 1.5 is no value of i64[2]
          const framed = count.pad([1, 1], "constant", 1.5);
          // refused F2C3003 «ops.tensor([256], "u8")»: tensor: 256 is no value of u8
          const byte = ops.tensor([256], "u8");
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
