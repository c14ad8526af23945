import { experiment, fixed, syntheticFaces } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2201 «data»: the data source has more than 2^31 images | lower `identities`, or the images of each
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(2 ** 30), size: 16 }),
  method: () => undefined as never,
});
