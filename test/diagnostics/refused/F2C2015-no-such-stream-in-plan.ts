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
        // refused F2C2015 «y»: the loader has no stream `y`: it gives x | dual({ identities, instances }) gives x and y
        plan: (_books, { x, y }, at) => ({ labels: x.labels, others: y.labels, weight: at.step / 2 }),
        step({ net, head }, { x }, plan) {
          const features = net(x);
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
