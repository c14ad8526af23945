import { classPool, experiment, method } from "f2c-dsl";
import { net, setting } from "./setting.js";

export default experiment({
  ...setting,
  method: ({ identities }) => {
    // refused F2C2302 «2.5»: a class pool's `capacity` cannot be 2.5 | a whole number of slots
    const pool = classPool({ capacity: 2.5, dim: 8, identities });
    return method({ net: net(), pool }, undefined as never);
  },
});
