import { experiment, type MethodBuilder } from "f2c-dsl";
import { setting } from "./setting.js";

declare const method: MethodBuilder;
const given = { ...setting, epochs: 3 };

// refused F2C2104 «experiment({ ...given, method: () => method(given as never) })»: experiment "refused": both `epochs` (3) and `steps` (2) are given | keep one of them
export default experiment({ ...given, method: () => method(given as never) });
