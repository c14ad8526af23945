// refused F2C2203: no identity "nobody" in | name folders that exist
import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  data: imageFolder({ root: "people", size: 16, heldOut: ["nobody"] }),
  method: () => undefined as never,
});
