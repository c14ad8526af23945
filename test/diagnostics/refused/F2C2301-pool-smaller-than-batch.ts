import { arcFace, experiment, f2c, net as named } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2301 «method»: the class pool has 2 slots, but one step brings | raise the pool's capacity, at least to
  method: f2c({ net: named(8, net), pool: { capacity: 2 }, margin: arcFace() }),
});
