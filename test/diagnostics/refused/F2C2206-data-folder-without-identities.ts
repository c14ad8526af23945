import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2206 «"people/ada"»: holds no folders; it has 1 image beside the folders (1.pgm) | a folder of its own
  data: imageFolder({ root: "people/ada", size: 16 }),
  method: () => undefined as never,
});
