import { experiment, type MethodBuilder, steps } from "f2c-dsl";
import { setting } from "./setting.js";

declare const method: MethodBuilder;

// refused F2C2112 «steps(2.5)»: every steps(2.5) is no interval | a whole number from 1 up
export default experiment({ ...setting, checkpoint: steps(2.5), method });
