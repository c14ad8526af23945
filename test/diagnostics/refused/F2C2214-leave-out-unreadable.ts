import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2214 «"nowhere.txt"»: its `leaveOut`, cannot be read: ENOENT | data check exp.ts --leave-out
  data: imageFolder({ root: "people", leaveOut: "nowhere.txt", size: 16 }),
  method: () => undefined as never,
});
