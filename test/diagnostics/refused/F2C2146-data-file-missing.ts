import { experiment, recordIO } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2146 «"nowhere.rec"»: recordIO: `path` is "/ | counts from the experiment's file
  data: recordIO({ path: "nowhere.rec", size: 16 }),
  method: () => undefined as never,
});
