import { experiment, type MethodBuilder } from "f2c-dsl";
import { setting } from "./setting.js";

const nothing = undefined as unknown as { net: MethodBuilder };

export default experiment({
  ...setting,
  // refused F2C1107 «nothing.net»: the experiment threw while it was being built: Cannot read properties of undefined
  method: (at) => nothing.net(at),
});
