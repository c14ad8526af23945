/**
 * @file Objects that live on in Node, refused where a compiled function uses one.
 *
 *     TypeScript in        refused
 *     cache.get(0)         F2C2009 `cache` is a Map, which a compiled function cannot use
 */
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import type { Operand } from "../values/operand.js";
import { liveness } from "./captures.js";
import { called } from "./words.js";

/** Refuses to use an object that lives on in Node; `look`: whether it is one, or holds one. */
export function refuseLive(lowering: Lowering, node: ts.Node, operand: Operand, look = liveness): void {
  // What keys() gives is used up where it stands; under a name it is refused.
  if (operand.kind === "static" && isIterator(operand.value)) return;
  const live = operand.kind === "static" ? look(called(node).replaceAll("`", ""), operand.value) : undefined;
  if (live) lowering.refuseAs(node, live);
}

/** Whether a value is used up by looping over it: what `keys()` gives, or a generator. */
export const isIterator = (value: unknown): value is Iterable<unknown> =>
  / Iterator\]$|\[object Generator\]/.test(Object.prototype.toString.call(value));
