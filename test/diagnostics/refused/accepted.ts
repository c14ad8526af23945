// What stands close to the refused programs and is none: nothing may be said of it.
import { experiment, linear, method, noGrad, normalize, ops, parameter, remat, state, zeros } from "f2c-dsl";
import { net, setting } from "./setting.js";

enum Scale {
  Small = 2,
}
namespace Margins {
  export const none = 1;
}
const options: { hook?: () => number; inner?: { deep: { by: number } } } = {};
// A list that is filled while the file is loaded is finished when the program is built.
const sizes: number[] = [];
for (const size of [1, 2]) sizes.push(size);
[3, 4].forEach((size) => {
  sizes.push(size);
});
// An object that a function makes for itself is no captured one.
const widthOf = (name: string) => new Map([["small", 3]]).get(name) ?? 1;
const year = () => new Date(2020, 1).getFullYear();
// Names of JavaScript's own that mean something else here.
const console = { log: (x: number) => x };
const Date2 = { now: () => 3 };

export default experiment({
  ...setting,
  method: () =>
    method(
      {
        net: net(),
        head: linear(8, 5),
        bank: state([8]),
        count: state([]),
        other: state([8]),
        seen: state([8]),
        read: state([8]),
        cleared: state([8]),
        classes: parameter([5, 8], zeros()),
      },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, weight: at.step / 2, late: at.step > 3 }),
        step({ net, head, bank, count, other, seen, read, cleared, classes }, { x }, plan) {
          let features = net(x);
          // Written before the gradient, and not between what it needs and the gradient.
          bank.copy_(features.mean(0).detach());
          features = remat(() =>
            features
              .add(bank)
              .relu()
              .mul(ops.rand([4, 8])),
          );
          if (plan.late) features = features.mul(other);
          else other.copy_(features.mean(0).detach());
          for (let i = 0; i < plan.weight; i++) {
            features = features.mul(noGrad(() => count.add(1)));
            count.copy_(count.add(1));
          }
          let loss = ops.cross_entropy(head(features), plan.labels).mean();
          loss = loss.mul(options.hook?.() ?? 1).mul(options.inner?.deep.by ?? 1);
          for (const letter of "ab") if (letter === "a") loss = loss.mul(Scale.Small);
          for (const size of sizes) loss = loss.mul(size);
          // Written and read again, where the gradient is not wanted, or goes to what is read.
          noGrad(() => seen.copy_(features.mean(0)));
          loss = loss.add(features.add(seen).mean());
          read.copy_(features.mean(0));
          loss = loss.add(features.add(read.detach()).mean());
          cleared.copy_(features.mean(0));
          cleared.copy_(ops.full([8], 0));
          loss = loss.add(features.add(cleared).mean());
          classes.copy_(normalize(classes));
          loss = loss.add(features.matmul(classes.transpose(0, 1)).mean());
          return loss.mul(Margins.none * widthOf("small")).add(year() + console.log(2) + Date2.now());
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
