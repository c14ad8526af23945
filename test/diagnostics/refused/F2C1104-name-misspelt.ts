// refused F2C1104 «"f2c_dsl"»: Cannot find module 'f2c_dsl' | did you mean "f2c-dsl"?
import { experiment } from "f2c_dsl";
// refused F2C1104 «"f2c-dls"»: Cannot find module 'f2c-dls' | did you mean "f2c-dsl"?
import { method } from "f2c-dls";
// refused F2C1104 «"f2c-dsl/ops"»: Cannot find module 'f2c-dsl/ops' | everything is in "f2c-dsl" itself
import { relu } from "f2c-dsl/ops";
// refused F2C1104 «"lodash/fp"»: Cannot find module 'lodash/fp' | npm install lodash
import fp from "lodash/fp";
// refused F2C1104 «"torch"»: Cannot find module 'torch' | import { ops } from "f2c-dsl"
import torch from "torch";
// refused F2C1104 «"./settin"»: Cannot find module './settin' | did you mean "./setting"?
import { setting } from "./settin";

export default experiment(setting, method, relu, torch, fp);
