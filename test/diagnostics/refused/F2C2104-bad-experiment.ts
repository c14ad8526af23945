import { experiment, type MethodBuilder } from "f2c-dsl";
import { setting } from "./setting.js";

declare const method: MethodBuilder;
const given = { ...setting, epochs: 3 };

// refused F2C2104 «export default experiment({ ...given, method: () => method(given as never) });»: experiment "refused": its length is not clear | either `epochs` or `steps`
export default experiment({ ...given, method: () => method(given as never) });
