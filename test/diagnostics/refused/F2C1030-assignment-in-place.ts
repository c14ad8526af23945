import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

const sizes = [3, 1, 2];
const counter = {
  at: 0,
  next() {
    return ++this.at;
  },
};
const grown = (list: number[]) => list.push(1);

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
          const parts = { all: loss };
          // refused F2C1030 «parts.all»: `parts.all` cannot be assigned: values in a compiled function do not change in place | make a new record: { ...parts, all: value }
          parts.all = loss.mul(2);
          const rows = [features];
          // refused F2C1030 «rows[0]»: `rows[0]` cannot be assigned: values in a compiled function do not change in place | make a new list: rows.map((item, i) => (i === 0 ? value : item))
          rows[0] = features.mul(2);
          // refused F2C1030 «push»: .push() would change the list: values in a compiled function do not change in place | make a new list: [...old, item]
          rows.push(features);
          // refused F2C1030 «sort»: .sort() would change the list: values in a compiled function do not change in place | make a new list with [...], .slice(…) or .map(…), or prepare it outside the compiled function
          const sorted = sizes.sort();
          // refused F2C1030 «Object.assign(parts, { all: loss })»: Object.assign would change its first argument: values in a compiled function do not change in place | make a new record: { ...old, name: value }
          const copy = Object.assign(parts, { all: loss });
          // refused F2C1030 «grown(sizes)»: `grown` would change its argument: values in a compiled function do not change in place | make a new list: [...old, item]
          loss = loss.mul(grown(sizes));
          // refused F2C1030 «counter.next()»: `counter.next` would change its object: values in a compiled function do not change in place | make a new record: { ...old, name: value }
          loss = loss.mul(counter.next());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
