import { experiment, linear, method, noGrad, ops, remat, state } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      {
        net: net(),
        head: linear(8, 5),
        a: state([8]),
        b: state([8]),
        c: state([8]),
        d: state([8]),
        e: state([8]),
      },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, turns: at.step + 2, late: at.step > 3 }),
        step({ net, head, a, b, c, d, e }, { x }, plan) {
          let features = net(x);
          const mean = features.mean(0).detach();
          features = features.mul(a);
          // refused F2C4001 «a.copy_(mean)»: `a` is written here | move the write to after the last line that the loss depends on
          if (plan.late) a.copy_(mean);
          features = features.mul(b);
          noGrad(() => {
            // refused F2C4001 «b.lerp_(mean, 0.1)»: `b` is written here | move the write to after the last line that the loss depends on
            b.lerp_(mean, 0.1);
          });
          if (plan.late) features = features.mul(c);
          // refused F2C4001 «c.copy_(mean)»: `c` is written here | move the write to after the last line that the loss depends on
          c.copy_(mean);
          for (let i = 0; i < plan.turns; i++) {
            // refused F2C4001 «d.copy_(mean)»: `d` is written here | move the write to after the last line that the loss depends on
            d.copy_(mean);
            features = features.mul(d);
          }
          features = remat(() => features.add(e).relu());
          // refused F2C4001 «e.copy_(mean)»: `e` is written here | move the write to after the last line that the loss depends on
          if (plan.late) e.copy_(mean);
          return ops.cross_entropy(head(features), plan.labels).mean();
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
