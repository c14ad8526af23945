import { experiment } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C1102 «:»: ',' expected
export default experiment(setting: 3);
