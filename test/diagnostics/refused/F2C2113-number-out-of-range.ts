import { cosFace, experiment, type MethodBuilder } from "f2c-dsl";
import { setting } from "./setting.js";

declare const method: MethodBuilder;

// refused F2C2113 «0»: margin: `scale` is 0, not a number above 0 | give a number above 0
export const nothing = cosFace({ scale: 0 });

export default experiment({ ...setting, method });
