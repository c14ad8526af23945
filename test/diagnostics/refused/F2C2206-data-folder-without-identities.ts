// refused F2C2206: holds no folders | a folder of its own
import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  data: imageFolder({ root: "people/ada", size: 16 }),
  method: () => undefined as never,
});
