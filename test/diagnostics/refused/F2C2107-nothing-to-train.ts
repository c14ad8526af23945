import { adaptiveAvgPool2d, experiment, type Features, flatten, type Images, method, module } from "f2c-dsl";
import { setting } from "./setting.js";

const fixed = module(
  { pool: adaptiveAvgPool2d(2), flat: flatten() },
  ({ pool, flat }, x: Images): Features => flat(pool(x)),
);

export default experiment({
  ...setting,
  method: () =>
    method(
      // refused F2C2107 «{ net: fixed }»: nothing to train: no net of the method's state has parameters | add a layer that learns, such as linear(…), or a parameter(…)
      { net: fixed },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net }, { x }) => net(x).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
