/** @file A study: stages by name, each made once from what others have made. */
import { experimentError } from "../core/errors.js";
import { isStage, needsOf, STAGE, type Stage } from "../method/stage.js";

export const STUDY = Symbol.for("f2c-dsl.study");

export type Stages = Readonly<Record<string, Stage>>;

export interface Study {
  readonly [STUDY]: Stages;
}

/**
 * A study. `export default` it from the file that `f2c-dsl run` gets:
 *
 *     const proxy = experiment({ … });
 *     const features = embed({ net: proxy, data: others });
 *     export default study({ proxy, features, head: experiment({ data: features, … }) });
 */
export function study(stages: Stages): Study {
  const names = new Map<Stage, string>();
  if (Object.keys(stages).length === 0) throw experimentError("bad-study.empty", {});
  for (const [name, stage] of Object.entries(stages)) {
    if (!/^[A-Za-z][\w-]*$/.test(name)) throw experimentError("bad-study.name", { name });
    if (!isStage(stage)) throw experimentError("bad-study.stage", { name, what: typeof stage });
    const other = names.get(stage);
    if (other !== undefined) throw experimentError("bad-study.twice", { name: other, other: name });
    names.set(stage, name);
  }
  for (const [stage, name] of names)
    for (const needed of needsOf(stage))
      if (!names.has(needed))
        throw experimentError("bad-study.missing", { name, what: needed[STAGE].called(needed) });
  return Object.freeze({ [STUDY]: { ...stages } });
}

export const isStudy = (value: unknown): value is Study =>
  typeof value === "object" && value !== null && STUDY in value;
