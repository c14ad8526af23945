import { experiment, verification } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () => undefined as never,
  // refused F2C2504 «2.5»: verification: `pairs.genuine` is 2.5 | a whole number of pairs
  evaluate: verification({ pairs: { genuine: 2.5, impostor: 100 } }),
});
