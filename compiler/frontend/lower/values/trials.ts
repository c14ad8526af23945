/**
 * @file Something that is lowered apart, to be looked at before it happens: a loop's condition, a step.
 *
 *     TypeScript in        out
 *     (n = next()) < 3     true or a value; that `n` was assigned; the ops; whether they write anything
 */
import type { OpenRegion } from "../../../build/function-builder.js";
import { walkOps } from "../../../ir/module.js";
import { specOf } from "../../../registry/index.js";
import type { Lowering } from "../lowering.js";
import type { Binding, Operand } from "./operand.js";

/** Something that was lowered apart, and what it assigned; nothing of it has happened yet. */
interface Trial<T> {
  readonly result: T;
  readonly assigned: ReadonlyMap<Binding, Operand>;
  readonly region: OpenRegion;
  /** Whether it writes and draws nothing. */
  readonly pure: boolean;
}

export function tried<T>(lowering: Lowering, work: () => T): Trial<T> {
  const { region, result } = lowering.builder.region([], () => lowering.branch(work));
  const pure = [...walkOps(region)].every((op) => ["pure", "read"].includes(specOf(op).effect));
  return { ...result, region, pure };
}

/** Lets what was tried happen here. */
export function accept<T>(lowering: Lowering, { result, assigned, region }: Trial<T>): T {
  lowering.builder.append(region);
  for (const [binding, value] of assigned) lowering.assign(binding, value);
  return result;
}
