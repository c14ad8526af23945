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
          const more = [features];
          // refused F2C1030 «rows[0]»: `rows[0]` cannot be assigned: values in a compiled function do not change in place | make a new list: rows.map((item, i) => (i === 0 ? value : item))
          rows[0] = features.mul(2);
          // refused F2C1030 «push»: .push() would change the list: values in a compiled function do not change in place | make a new list: more = [...more, features], more being declared with let
          more.push(features);
          // refused F2C1030 «sort»: .sort() would change the list: values in a compiled function do not change in place | make a new list with [...], .slice(…) or .map(…), or prepare it outside the compiled function
          const sorted = sizes.sort();
          // refused F2C1030 «Object.assign(parts, { all: loss })»: Object.assign would change its first argument: values in a compiled function do not change in place | make a new record: { ...old, name: value }
          const copy = Object.assign(parts, { all: loss });
          // refused F2C1030 «grown(sizes)»: `grown` would change its argument: values in a compiled function do not change in place | make a new list: [...old, item]
          loss = loss.mul(grown(sizes));
          // refused F2C1030 «counter.next()»: `counter.next` would change its object: values in a compiled function do not change in place | make a new record: { ...old, name: value }
          loss = loss.mul(counter.next());
          const kept: any[] = [];
          // refused F2C1030 «push»: .push() would change the list | make a new list: kept = [...kept, features]
          for (const scale of [1, 2]) kept.push(features);
          // What is done with it later is not spoken of.
          kept.push(features);
          loss = loss.add(kept[0].mean() as typeof loss).add(ops.cat(kept as (typeof features)[]).mean());
          return loss;
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
