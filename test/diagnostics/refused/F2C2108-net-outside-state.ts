import { experiment, linear, method, ops, parametersOf, twin } from "f2c-dsl";
import { net, setting } from "./setting.js";

const head = linear(8, 5);
const copy = twin(head);

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net() },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net }, { x }, plan) {
          // refused F2C2108 «head»: `head` is not part of the method's state | put it there, and take it from there: method({ head, … }, …)
          const scores = head(net(x));
          // refused F2C2108 «linear(8, 5)»: `linear(8, 5)` is not part of the method's state | put it there, and take it from there: method({ net, … }, …)
          const others = linear(8, 5)(net(x));
          // refused F2C2108 «head»: `head` is not part of the method's state | put it there, and take it from there: method({ head, … }, …)
          const all = parametersOf(head);
          // refused F2C2108 «copy»: `copy` is not part of the method's state | put it there, and take it from there: method({ copy, … }, …)
          const copied = copy(net(x));
          // refused F2C2108 «copy»: `copy` is not part of the method's state
          const copies = parametersOf(copy);
          return ops.cross_entropy(scores.add(others), plan.labels).mean();
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
