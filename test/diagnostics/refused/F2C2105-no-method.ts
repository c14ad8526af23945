import { experiment } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2105 «method»: the experiment's `method` returned an empty record, not a method | method(state, { plan, step, embed })
  method: () => ({}) as never,
});
