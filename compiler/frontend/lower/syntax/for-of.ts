/**
 * @file `for (const x of list)`: a turn for each item, written out.
 *
 *     TypeScript in                                 IR out
 *     for (const block of blocks) y = block(y)      the ops of each block, one after the other
 */
import { LOOP_OVER_GROUP } from "../../from-pytorch.js";
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { subject } from "../refusals/words.js";
import { itemsOf, iterate, MAX_UNROLL } from "../values/collections.js";
import { type Completion, LoopJumps } from "../values/jump-marks.js";
import { isTensor, type Operand, Scope } from "../values/operand.js";
import { bindPattern } from "./patterns.js";
import { assignTo } from "./targets.js";
import { unrolled } from "./turns.js";

export function forOf(lowering: Lowering, node: ts.ForOfStatement, scope: Scope): Completion {
  if (node.awaitModifier) lowering.refuse(node, "async-function.for-await", {});
  const over = lowering.evaluate(node.expression, scope);
  const items =
    itemsOf(lowering, over) ??
    iterate(lowering, over) ??
    (over.kind === "static" || over.kind === "record"
      ? notLoopedOver(lowering, node.expression, over)
      : undefined) ??
    lowering.refuse(
      node.expression,
      isTensor(over) ? "loop-over-unknown-length.tensor" : "loop-over-unknown-length",
      subject(node.expression, over),
      { hint: over.kind === "value" && over.value.type.kind === "group" ? LOOP_OVER_GROUP : undefined },
    );
  if (items.length > MAX_UNROLL)
    lowering.refuse(node, "loop-too-long", { turns: items.length, most: MAX_UNROLL });
  const turns = items.map((item) => (): Completion => {
    const inner = new Scope(scope);
    if (ts.isVariableDeclarationList(node.initializer)) {
      bindPattern(lowering, node.initializer.declarations[0]!.name, item, inner, true);
    } else {
      assignTo(lowering, node.initializer, item, scope);
    }
    return lowering.run([node.statement], inner);
  });
  return lowering.inLoop(new LoopJumps(node), (loop) => unrolled(lowering, node, loop, () => turns.shift()));
}

const notLoopedOver = (lowering: Lowering, node: ts.Node, over: Operand): never =>
  lowering.refuse(node, "not-a-collection.looped-over", subject(node, over));
