import { experiment, verification } from "f2c-dsl";
import { setting } from "./setting.js";

export default experiment({
  ...setting,
  method: () => undefined as never,
  evaluate: { lfw: verification(), cfp: verification() },
  // refused F2C2561 «"agedb.accuracy"»: `keepBest` names the evaluation `agedb`, and there are lfw, cfp | name an evaluation
  keepBest: "agedb.accuracy",
});
