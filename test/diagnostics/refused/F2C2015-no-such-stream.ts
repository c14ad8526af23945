import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const { loader } = setting;
const one = {
  ...loader,
  streams: { x: loader.streams.x! },
  open(offsets: Int32Array, seed: number) {
    const { stepsPerEpoch, batch } = loader.open(offsets, seed);
    return { stepsPerEpoch, batch: (step: number) => ({ x: batch(step).x! }) };
  },
};

export default experiment({
  ...setting,
  loader: one,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, weight: at.step / 2 }),
        step({ net, head }, { x, y }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          // refused F2C2015 «y»: the loader has no stream `y`: it gives x | dual({ identities, instances }) gives x and y
          const all = ops.cat([x, y]);
          // refused F2C2015 «y»: the loader has no stream `y`: it gives x | use the streams that there are
          const others = net(y);
          // refused F2C2015 «y»: the loader has no stream `y`: it gives x | use the streams that there are
          const half = y.mul(0.5);
          if (y !== undefined) loss = loss.mul(2);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
