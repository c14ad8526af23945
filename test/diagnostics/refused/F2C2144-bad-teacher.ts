import { angular, cosFace, distil, net as embedding, experiment, softmax } from "f2c-dsl";
import { net, setting } from "./setting.js";

const flat = embedding(8, () => net());

export default experiment({
  ...setting,
  // refused F2C2144 «method»: distil: the teacher starts at random | give it what it has learned
  method: distil(softmax({ net: flat, margin: cosFace() }), { teacher: flat, loss: angular() }),
});
