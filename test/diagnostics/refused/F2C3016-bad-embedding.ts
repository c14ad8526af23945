import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        // refused F2C3016 «net(images).mean()»: `embed` must return one row for each image, a tensor [N, D], got a tensor f32[] | return what the net gives for the images: net(images)
        embed: ({ net }, images): any => net(images).mean(),
      },
    ),
});
