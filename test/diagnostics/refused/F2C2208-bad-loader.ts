import { dual, experiment } from "f2c-dsl";
import { setting } from "./setting.js";

// refused F2C2208 «const loader = dual({ identities: 3, instances: 5 });»: dual: identities 3, instances 5 | an even number of instances
const loader = dual({ identities: 3, instances: 5 });

export default experiment({ ...setting, loader, method: () => undefined as never });
