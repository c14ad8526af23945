import { arcFace, experiment, f2c, net as named } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2301 «2»: the class pool has a `capacity` of 2, but this step brings 3 identities: some would be evicted inside their own batch | raise the pool's `capacity` to the most that a step may bring, the loader's `identities` + `instances`, or lower these
  method: f2c({ net: named(8, net), pool: { capacity: 2 }, margin: arcFace() }),
});
