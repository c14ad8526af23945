import { experiment, fixed, syntheticFaces } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C2202 «8»: syntheticFaces: `size` is 8, not a whole number from 16 up
const data = syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 8 });

export default experiment({ ...setting, data, method: () => undefined as never });
