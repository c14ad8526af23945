import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2210 «"clips"»: such as ada/monday/1.pgm | say `subfolders: true`
  data: imageFolder({ root: "clips", size: 16 }),
  method: () => undefined as never,
});
