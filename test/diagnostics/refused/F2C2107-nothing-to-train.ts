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
      { net: fixed },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        // refused F2C2107 «step»: the method has no trained parameters | parameter(…) children
        step: ({ net }, { x }) => net(x).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
