import { experiment, identification } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () => undefined as never,
  // refused F2C2506 «1.5»: `unknown` is 1.5 | a share of them below 1
  evaluate: { searches: identification({ unknown: 1.5 }) },
});
