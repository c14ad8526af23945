import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2207 «"strangers"»: imageFolder: the folder "empty" of its `root`, | images are files that end in
  data: imageFolder({ root: "strangers", size: 16 }),
  method: () => undefined as never,
});
