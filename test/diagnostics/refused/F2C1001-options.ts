import { batchNorm1d, conv2d, cosine, experiment, linear, method, ops, sgd } from "f2c-dsl";
import { net, setting } from "./setting.js";

// refused F2C1001 «kernel_size»: 'kernel_size' does not exist in type 'Conv2dOptions' | it is called `kernel`
export const narrow = conv2d(3, 8, { kernel_size: 3 });
// refused F2C1001 «3»: is not assignable to parameter of type 'Conv2dOptions' | options stand in a record: { kernel: 3 }
export const plain = conv2d(3, 8, 3);
// refused F2C1001 «0.1»: is not assignable to parameter of type | options stand in a record: { base: 0.1 }
export const rate = cosine(0.1);
// refused F2C1001 «rate»: 'rate' does not exist in type 'SgdOptions' | it has momentum
export const descent = sgd({ rate: 0.1 });

export default experiment({
  ...setting,
  // refused F2C1001 «batchSize»: 'batchSize' does not exist in type 'ExperimentOptions' | dual({ identities: 32, instances: 32 })
  batchSize: 64,
  method: () =>
    method(
      { net: net(), norm: batchNorm1d(8), head: linear(8, 5) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, weight: at.step / 2 }),
        step({ net, norm, head }, { x }, plan) {
          // refused F2C1001 «x»: this is a tensor f32[number, number, number, number], where f32[number, 8] is wanted | .flatten()
          const scores = norm(x);
          // refused F2C1001 «[features, row]»: `net(x)` is a tensor f32[number, 8], which cannot be looped over | .select(0, i)
          const [features, row] = net(x);
          // refused F2C1001 «item»: Property 'item' does not exist on type 'number' | a number is used as it is: plan.weight * 2
          const weight = plan.weight.item();
          // refused F2C1001 «labels»: `x` is a tensor f32[number, number, number, number], which has no field `labels` | labels: x.labels
          const loss = ops.cross_entropy(head(net(x)), x.labels);
          return loss.mean();
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
