import { augmentation, dual, experiment, loader } from "f2c-dsl";
import { setting } from "./setting.js";

const noise = augmentation(
  "my noise",
  {},
  {
    draw: (random) => random.uniform("level", 0, 0.1),
    apply: (images, level) => images.add(level.reshape([-1, 1, 1, 1])),
  },
);

export default experiment({
  ...setting,
  // refused F2C2220 «loader(dual({ identities: 3, instances: 2 }), noise)»: an augmentation is called `my noise`, which cannot be part of an input's name | letters, digits and _ only
  loader: loader(dual({ identities: 3, instances: 2 }), noise),
  method: () => undefined as never,
});
