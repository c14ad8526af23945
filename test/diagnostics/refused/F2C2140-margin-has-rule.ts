import { curricularFace, experiment, type MethodBuilder, withoutConflicts } from "f2c-dsl";
import { setting } from "./setting.js";

declare const method: MethodBuilder;

// refused F2C2140 «withoutConflicts(curricularFace())»: withoutConflicts: `curricularFace` changes hard negatives already, and a margin has one rule for them | give it a margin of the own cosine alone, such as cosFace or arcFace
export const twoRules = withoutConflicts(curricularFace());

export default experiment({ ...setting, method });
