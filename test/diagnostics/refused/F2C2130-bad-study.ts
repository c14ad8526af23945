import { embed, experiment, study } from "f2c-dsl";
import { data, setting } from "./setting.js";

const proxy = experiment({ ...setting, method: () => undefined as never });
const features = embed({ net: proxy, data });
// refused F2C2130 «features»: the study's `features` needs the experiment "refused" that is not a stage of it | name it in the study too
export default study({ features });
