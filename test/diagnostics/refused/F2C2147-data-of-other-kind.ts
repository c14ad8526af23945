import { experiment, recordIO } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2147 «data»: list.txt is a list, not RecordIO | imageList(…) reads it
  data: recordIO({ path: "list.txt", size: 16 }),
  method: () => undefined as never,
});
