import { experiment } from "f2c-dsl";
// refused F2C1104 «"./settings.js"»: Cannot find module './settings.js' | counts from the importing file
import { setting } from "./settings.js";

export default experiment(setting);
