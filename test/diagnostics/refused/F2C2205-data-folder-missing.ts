import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2205 «"nowhere"»: there is no folder | counts from the experiment
  data: imageFolder({ root: "nowhere", size: 16 }),
  method: () => undefined as never,
});
