import { classification, cosFace, experiment, net as named, virtual } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2142 «method»: virtual: 2 columns are too few for the 4 identities of a step | raise `columns` to the most identities that a step may bring
  method: classification({ net: named(8, net), bank: virtual({ columns: 2 }), margin: cosFace() }),
});
