import { conv2d, experiment, type Features, linear, method, ops, relu, residual, sequential } from "f2c-dsl";
import { net, setting } from "./setting.js";

export const joined = <const C extends number, const D extends number>(c: C, d: D) => {
  // refused F2C1001 «linear(c, d)»: layer 1 takes f32 [..., C], the one before gives f32 [..., D]
  sequential(linear(c, d), linear(c, d));
  // refused F2C1001 «conv2d(c, d, { kernel: 1 })»: residual: the body takes f32 [?, C, ?, ?] and gives f32 [?, D, ?, ?]
  residual(conv2d(c, d, { kernel: 1 }));
  return (x: Features<C>, y: Features<D>) => {
    // refused F2C1001 «y»: [?, C] and [?, D] are not known to broadcast
    x.add(y);
    // refused F2C1001 «y.transpose(0, 1)»: matmul: [?, C] times [D, ?], the inner dimensions are not known to be equal
    x.matmul(y.transpose(0, 1));
    // refused F2C1001 «2»: there is no dimension 2 in [?, C]
    return x.sum(2);
  };
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
          const fixed = features.as<[4, 8]>();
          // refused F2C1001 «loss.sub(features)»: this is a tensor f32[number, 8], where f32[] is wanted | reduce the tensor with .mean() or .sum()
          loss = loss.sub(features);
          // refused F2C1001 «fixed»: matmul: [4, 8] times [4, 8], the inner dimensions differ
          const square = fixed.matmul(fixed);
          // refused F2C1001 «plan.labels»: this is a tensor i64[number], where f32[number] is wanted | cast it: .to("f32")
          relu()(plan.labels);
          // refused F2C1001 «"a"»: Type 'string' is not assignable to type 'number'
          const count: number = "a";
          loss = loss.mul(count);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
