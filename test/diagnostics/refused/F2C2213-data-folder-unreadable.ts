import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2213 «"setting.ts"»: cannot be read: it is no folder | name another folder
  data: imageFolder({ root: "setting.ts", size: 16 }),
  method: () => undefined as never,
});
