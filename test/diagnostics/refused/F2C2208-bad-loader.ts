import { dual, experiment } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C2208 «5»: dual: `instances` is 5, which is odd | make it even
const loader = dual({ identities: 3, instances: 5 });

export default experiment({ ...setting, loader, method: () => undefined as never });
