/**
 * @file Turns of a loop that are written out, and what stands under the condition that no jump has left it.
 *
 *     TypeScript in                                           IR out
 *     for (const b of [f, g]) { y = b(y); if (p) break; }     %y = … the ops of `f`
 *                                                             %y' = if %left { yield %y } else { … yield %gy }
 */
import type { Value } from "../../../ir/module.js";
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { MAX_UNROLL } from "../values/collections.js";
import { type Completion, type LoopJumps, NORMAL } from "../values/jump-marks.js";
import { isStatic, staticValue } from "../values/operand.js";
import { beginTurn, markJump, unless } from "./jumps.js";

/** Turns that are written out. Where a run-time condition may have left the loop, a turn stands under that condition. */
export function unrolled(
  lowering: Lowering,
  node: ts.Node,
  loop: LoopJumps,
  next: () => (() => Completion) | undefined,
): Completion {
  for (let turn = next(); turn; turn = next()) {
    const left = loop.left.current;
    const run = turn;
    if (left.kind === "value") {
      unless(lowering, node, left.value, () => {
        beginTurn(lowering, loop);
        markJump(lowering, run());
      });
      continue;
    }
    beginTurn(lowering, loop);
    const completion = run();
    if (completion.kind === "break") return NORMAL;
    if (completion.kind === "return") return completion;
    if (isStatic(loop.left.current) && staticValue(loop.left.current)) return NORMAL;
  }
  return NORMAL;
}

/** What happens only where the loop was not left. */
export function staying(lowering: Lowering, node: ts.Node, loop: LoopJumps, work: () => void): void {
  const left = loop.left.current;
  if (left.kind === "value") unless(lowering, node, left.value, work);
  else if (!isStatic(left) || !staticValue(left)) work();
}

/** A condition, and that no jump has left the loop. */
export function unlessLeft(
  lowering: Lowering,
  node: ts.Node,
  loop: LoopJumps,
  answer: boolean | Value,
): boolean | Value {
  const left = loop.left.current;
  if (left.kind !== "value") return answer;
  const stays = lowering.emit(node, "scalar_not", [left.value])[0]!;
  return typeof answer === "boolean" ? stays : lowering.emit(node, "scalar_and", [stays, answer])[0]!;
}

export const refuseLength = (lowering: Lowering, node: ts.Node): never =>
  lowering.refuse(node, "loop-too-long.without-end", { most: MAX_UNROLL });
