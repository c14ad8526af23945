import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2211 «"parts"»: it holds train, val, and below them train/ada/1.pgm | name the folder that holds one folder per identity
  data: imageFolder({ root: "parts", size: 16 }),
  method: () => undefined as never,
});
