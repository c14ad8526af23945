import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2204 «1»: imageFolder: | hold out fewer
  data: imageFolder({ root: "people", size: 16, heldOut: 1 }),
  method: () => undefined as never,
});
