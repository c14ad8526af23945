import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const options: any = { scale: 2 };

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
          const loose: any = features;
          // refused F2C1016 «...loose»: a tensor f32[4, 8] cannot be spread | ops work on whole tensors; join tensors with ops.cat([a, b])
          const rows = [...loose];
          // refused F2C1016 «...loose»: a tensor f32[4, 8] cannot be spread | a record is spread from records; give the tensor a name: { name: tensor }
          const record = { ...loose };
          // refused F2C1016 «loose»: `loose` is a tensor f32[4, 8], which cannot be destructured | take rows of a tensor with .select(0, i) or .slice(0, start, end)
          const [first] = loose;
          // refused F2C1016 «loose»: `loose` is a tensor f32[4, 8], which cannot be destructured | a tensor has no fields; its sizes are .size(0), .size(1), … and .shape
          const { width } = loose;
          const empty: (typeof loss)[] = [];
          // refused F2C1016 «empty.reduce»: an empty list cannot be reduced without a first value | give reduce a second argument, the value to start from
          loss = empty.reduce((a, b) => a.add(b));
          const missing: any = undefined;
          // refused F2C1016 «missing»: `missing` is undefined, which cannot be destructured | lists and records can be destructured; check what the expression is
          const { scale } = missing;
          // refused F2C1016 «options»: `options` is a record { scale }, which cannot be looped over | loop over a list; over a record, use Object.entries(record)
          for (const option of options) loss = loss.mul(option);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
