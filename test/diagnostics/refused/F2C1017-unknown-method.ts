import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

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
          // refused F2C1017 «view»: `loose` is a tensor f32[4, 8], which has no method `view` | write loose.reshape([32])
          loss = loss.add(loose.view(32).mean());
          // refused F2C1017 «indexSelect»: `loose` is a tensor f32[4, 8], which has no method `indexSelect` | did you mean .index_select(
          loss = loss.add(loose.indexSelect(plan.labels).mean());
          // refused F2C1017 «length»: `loose` is a tensor f32[4, 8], which has no field `length` | write loose.size(0); all sizes are loose.shape
          loss = loss.mul(loose.length);
          // refused F2C1017 «toFixed»: a run-time number has no compiled method `toFixed` | there are no strings on the device; numbers have operators and the functions of Math
          const short = plan.weight.toFixed(2);
          // refused F2C1017 «with»: a list that holds run-time values has no compiled method `with` | it has map, flatMap, forEach, filter, some, every, find, findIndex, reverse, toReversed, sort, toSorted, at, reduce, slice, concat; write the rest with for..of and [...list, item]
          const some = [features, features].with(0, features);
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
