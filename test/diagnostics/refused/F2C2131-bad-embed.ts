import { embed, study } from "f2c-dsl";
import { data } from "./setting.js";

// refused F2C2131 «0»: embed: `batch` is 0 | a whole number from 1 up
const features = embed({ net: "runs/first", data, batch: 0 });
export default study({ features });
