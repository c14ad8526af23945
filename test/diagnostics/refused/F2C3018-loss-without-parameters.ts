import { experiment, linear, method, ops } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), head: linear(8, 5) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, head }, { x }, plan) {
          const scores = head(net(x));
          const loss = ops.cross_entropy(scores.detach(), plan.labels).mean();
          const wrong = scores.argmax(1).ne(plan.labels).to("f32").mean();
          // refused F2C3018 «loss: loss.add(wrong)»: no parameter reaches the loss, so its gradient would be zero and nothing would be trained | compute it from what a net returns
          return { loss: loss.add(wrong), wrong };
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
