import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const options: any = { scale: null };

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
          // refused F2C2003 «by»: `options.scale` is null here, so it has no `by` | check the option or the argument that it comes from; ?. reads a field that may be missing
          loss = loss.mul(options.scale.by);
          // refused F2C2003 «"by"»: `options.scale` is null here, so it has no `by` | check the option or the argument that it comes from; ?. reads a field that may be missing
          loss = loss.mul(options.scale["by"]);
          // refused F2C2003 «of»: `options.margin` is undefined here, so it has no `of` | check the option or the argument that it comes from; ?. reads a field that may be missing
          loss = loss.mul(options.margin.of(3));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
