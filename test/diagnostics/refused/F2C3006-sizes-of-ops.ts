import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, turns: at.step + 2, weight: at.step / 2 }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C3006 «features.std(0, { correction: 4 })»: std: 4 values of [4, 8] with a correction of 4, which would divide by nothing | { correction: 0 } divides by the number of values
          loss = loss.add(features.std(0, { correction: 4 }).mean());
          // refused F2C3006 «features.chunk(0, 1)»: chunk: 0 is not a size
          const [half] = features.chunk(0, 1);
          // refused F2C3006 «[1]»: pad: pairs are needed, before and behind each dimension; got [1]
          loss = loss.add(features.pad([1]).mean());
          // refused F2C3006 «features.pad([8, 0], "reflect")»: pad: "reflect" adds at most 7 on a side of dimension 1 of [4, 8], got 8
          loss = loss.add(features.pad([8, 0], "reflect").mean());
          // refused F2C3006 «[-9, 0]»: pad: [-9, 0] cuts more off than dimension 1 of [4, 8] has
          loss = loss.add(features.pad([-9, 0]).mean());
          // refused F2C3006 «features.pad([1, 1], "replicate", 3)»: pad: "replicate" fills with what is there, and not with 3
          loss = loss.add(features.pad([1, 1], "replicate", 3).mean());
          const mode: any = "linear";
          // refused F2C3006 «ops.interpolate(x, [8, 8], { mode })»: interpolate: `mode` is one of nearest, nearest-exact, area, bilinear, bicubic; got "linear"
          loss = loss.add(ops.interpolate(x, [8, 8], { mode }).mean());
          // refused F2C3006 «ops.interpolate(x, [8, 8], { antialias: true })»: interpolate: `antialias` is of bilinear and bicubic, not of nearest
          loss = loss.add(ops.interpolate(x, [8, 8], { antialias: true }).mean());
          // refused F2C3006 «features.narrow(1, plan.turns, 9)»: narrow: 9 elements of dimension 1 of [4, 8]
          loss = loss.add(features.narrow(1, plan.turns, 9).mean());
          // refused F2C3006 «ops.randint(5, 5, [8])»: randint: 5 to below 5 are no numbers, or more than 2^31
          const drawn = ops.randint(5, 5, [8]);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
