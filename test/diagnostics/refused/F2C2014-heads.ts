import { attention, experiment } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C2014 «attention(12, 8)»: attention: 12 channels do not divide into 8 heads | give a whole number of heads
export const uneven = attention(12, 8);

export default experiment(setting as never);
