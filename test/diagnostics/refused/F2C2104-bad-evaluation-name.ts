import { experiment, verification } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () => undefined as never,
  // refused F2C2104 «{ "1:1": verification() }»: experiment "refused": `evaluate` has the name "1:1" | begin with a letter
  evaluate: { "1:1": verification() },
});
