import { setting } from "./setting.js";

// refused F2C1106 «setting»: the default export is not an experiment | imported from f2c-dsl
export default setting;
