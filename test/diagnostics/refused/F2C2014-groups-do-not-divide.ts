import { conv2d, experiment } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C2014 «4»: conv2d: 6 inputs do not divide into 4 `groups` | divides inputs and outputs
export const uneven = conv2d(6, 8, { kernel: 3, groups: 4 });

export default experiment(setting as never);
