import { experiment, type Features, linear, method, module, ops, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

const twice = module({ fc: linear(8, 5), "fc.weight": state([5, 8]) }, ({ fc }, x: Features) =>
  fc(x as never),
);

export default experiment({
  ...setting,
  method: () =>
    method(
      // refused F2C2122 «twice»: two tensors of the method's state would both be called `twice.fc.weight` | rename one of the keys
      { net: net(), head: linear(8, 5), twice },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
