import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2207 «"strangers"»: has images; it has 1 folder without images (empty) | images are files that end in
  data: imageFolder({ root: "strangers", size: 16 }),
  method: () => undefined as never,
});
