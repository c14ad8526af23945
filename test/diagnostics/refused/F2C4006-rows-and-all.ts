import { experiment, method, normal, parameter } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () =>
    method(
      { net: net(), classes: parameter([5, 8], normal(1)) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step({ net, classes }, { x }, plan) {
          // refused F2C4006 «classes.lerp_(classes.mul(2), 0.5)»: `classes` is written here, and rows of it are moved | in no step that takes rows
          classes.lerp_(classes.mul(2), 0.5);
          const own = classes.rows(plan.labels);
          const near = net(x).mul(own).sum();
          // refused F2C4006 «classes.norm()»: the loss depends on all of `classes`, and on rows of it | .detach() it
          return near.add(classes.norm());
        },
        embed: ({ net }, images) => net(images),
      },
    ),
});
