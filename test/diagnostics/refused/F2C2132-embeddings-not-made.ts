import { embed, experiment } from "f2c-dsl";
import { data, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2132 «data»: the embeddings that are the data here are made by no study | export default study
  data: embed({ net: "runs/first", data }),
  method: () => undefined as never,
});
