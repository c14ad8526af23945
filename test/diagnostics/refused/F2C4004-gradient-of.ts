import { experiment, gradientOf, linear, method, noGrad, ops, remat } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, late: at.step > 3 }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          const losses = ops.cross_entropy(head(features), plan.labels);
          let loss = losses.mean();
          const given: any = losses;
          // refused F2C4004 «given»: gradientOf: a derivative is taken of one real number, got a tensor f32[4] | gradientOf(losses.sum(), x)
          loss = loss.add(gradientOf(given, features).mean());
          const labels = plan.labels as unknown as typeof features;
          // refused F2C4004 «labels»: gradientOf: a derivative is taken by tensors of real numbers, got a tensor i64[4] | gradientOf(loss, x)
          loss = loss.add(gradientOf(loss, labels).mean());
          // refused F2C4004 «features.add(0)»: gradientOf: loss is not computed from this value, so the derivative would be zero | give the very value
          loss = loss.add(gradientOf(loss, features.add(0)).mean());
          const still = features.detach().mean();
          // refused F2C4004 «features»: gradientOf: still is not computed from features, so the derivative would be zero | .detach() and noGrad cut it off
          loss = loss.add(gradientOf(still, features).mean());
          const kept = remat(() => features.mul(2)).mean();
          // refused F2C4004 «features»: gradientOf: `remat` is between features and kept | leave `remat`
          loss = loss.add(gradientOf(kept, features).mean());
          // refused F2C4004 «gradientOf»: gradientOf: a derivative is taken at the top level of the step | take it before
          loss = loss.add(noGrad(() => gradientOf(losses.mean(), features).mean()));
          let late = features;
          if (plan.late) {
            const inner = features.mul(2);
            late = inner;
          }
          return loss.add(late.mean());
        },
        embed: ({ net }, images) => {
          const features = net(images);
          // refused F2C4004 «gradientOf»: gradientOf: `embed` takes no derivatives | take it in `step`
          return features.mul(gradientOf(features.sum(), images as never));
        },
      },
    ),
});
