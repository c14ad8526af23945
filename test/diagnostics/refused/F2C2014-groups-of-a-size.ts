import { experiment, variableGroupConv } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C2014 «variableGroupConv(12, 8, { kernel: 3 })»: variableGroupConv: 12 inputs do not divide into groups of 8 channels | give a `groupSize` that divides the inputs
export const uneven = variableGroupConv(12, 8, { kernel: 3 });

export default experiment(setting as never);
