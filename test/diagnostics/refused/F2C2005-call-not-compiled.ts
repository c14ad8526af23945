import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

// As a package would: a function whose source the loader has not seen.
const foreign = Function.prototype.call.call(
  Object.getPrototypeOf(function () {}).constructor,
  null,
  "x",
  "return x",
) as (x: number) => number;

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
          // refused F2C2005 «Number»: `Number` of a run-time value cannot be compiled: it is JavaScript's own, and runs in Node only | call it in the plan, and pass the result as a value of the plan
          loss = loss.mul(Number(plan.weight));
          // refused F2C2005 «foreign»: `foreign` of a run-time value cannot be compiled: its TypeScript was not loaded | write it in a TypeScript file that the experiment imports by a relative path, or call it in the plan, and pass the result
          loss = loss.mul(foreign(plan.weight));
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
