import { experiment, linear, method, ops, twin } from "f2c-dsl";
import { net, setting } from "./setting.js";

const teacher = net();

export default experiment({
  ...setting,
  method: () =>
    method(
      // refused F2C2120 «gallery: twin(teacher)»: `gallery` is a twin of a net that is not part of the method's state | put the net there too: method({ net, gallery: twin(net), … }, …)
      { net: net(), head: linear(8, 5), gallery: twin(teacher) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
