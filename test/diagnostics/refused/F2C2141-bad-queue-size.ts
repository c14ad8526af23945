import { contrast, cosFace, experiment, fifoQueue, net as named } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2141 «method»: fifoQueue: a queue of 10 is not filled evenly by 4 keys a step | take a multiple of 4
  method: contrast({ net: named(8, net), bank: fifoQueue({ size: 10 }), margin: cosFace() }),
});
