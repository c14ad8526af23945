/** @file F2C2562 to F2C2580, F2C6220 to F2C6229 and F2C6340 to F2C6355: nets that are scored and asked for embeddings by themselves. */
import type { Catalogue } from "../../../dsl/diagnostics/entry.js";

export const SCORING = {
  "best-by-no-number": {
    code: "F2C6220",
    severity: "error",
    message: "`keepBest` names the number `{number}` of the evaluation `{evaluation}`, which gives {known}",
    hint: 'choose one of these: keepBest: "{evaluation}.…"; or its first: keepBest: "{evaluation}"',
    why: "Which numbers an evaluation gives is known once one was made, as the baselines are before training.",
  },
} as const satisfies Catalogue;
