// refused F2C2105: the experiment's `method` gave no method | method(state, { plan, step, embed })
import { experiment } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({ ...setting, method: () => ({}) as never });
