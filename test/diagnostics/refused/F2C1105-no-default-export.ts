// refused F2C1105 «»: the file has no default export | export default experiment({ … })
export { setting } from "./setting.js";
