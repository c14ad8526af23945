// refused F2C2205: there is no folder | counts from the experiment
import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  data: imageFolder({ root: "nowhere", size: 16 }),
  method: () => undefined as never,
});
