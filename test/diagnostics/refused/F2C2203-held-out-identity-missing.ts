import { experiment, imageFolder } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  // refused F2C2203 «["nobody"]»: imageFolder: `heldOut` names "nobody", but | name identities that there are: ada
  data: imageFolder({ root: "people", size: 16, heldOut: ["nobody"] }),
  method: () => undefined as never,
});
