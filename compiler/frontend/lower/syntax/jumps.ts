/**
 * @file `break`, `continue` and `return` that a run-time condition decides. A region has one end, so such a jump sets marks, and
 * what it jumps over stands under them: a loop has `skipped`, for the rest of its turn, and `left`, for its other turns; a function
 * has `returned`, and the result.
 *
 *     TypeScript in                      IR out
 *     if (plan.stop) break; y = f(y);    %left = if %plan.stop { yield true } else { yield false }
 *                                        %y' = if %left { yield %y } else { … yield f(%y) }
 */
import type { Value } from "../../../ir/module.js";
import type { ts } from "../../typescript.js";
import { alwaysJumps, jumpsIn, MOST_SPLITS, mayLeave, mayReturn, splits } from "../forms/jumps.js";
import type { Lowering } from "../lowering.js";
import { onTrial } from "../values/carrying.js";
import { zerosLike } from "../values/joining.js";
import { type Completion, type LoopJumps, NORMAL } from "../values/jump-marks.js";
import {
  type Binding,
  fixed,
  isStatic,
  NOTHING,
  type Operand,
  type Scope,
  staticValue,
} from "../values/operand.js";
import { lowerIf } from "../values/regions.js";

/** Sets the marks of how statements ended in an arm or a turn. */
export function markJump(lowering: Lowering, completion: Completion): void {
  const jumps = lowering.jumps!;
  const loop = jumps.loops.at(-1);
  const mark = (binding: Binding) => lowering.assign(binding, fixed(true));
  switch (completion.kind) {
    case "normal":
      return;
    case "return":
      mark(jumps.returned);
      lowering.assign(jumps.result, completion.value);
      for (const { skipped, left } of jumps.loops) [skipped, left].forEach(mark);
      return;
    default:
      if (loop) mark(loop.skipped);
      if (loop && completion.kind === "break") mark(loop.left);
  }
}

/** A turn begins: nothing of it is skipped yet. */
export const beginTurn = (lowering: Lowering, { skipped }: LoopJumps): void =>
  lowering.assign(skipped, fixed(false));

/**
 * The marks that a run-time loop carries from turn to turn, beside `assigned`. A result has to be there before it is known: a
 * turn is lowered on trial to learn its type, and zeros stand for it.
 */
export function marksCarried(
  lowering: Lowering,
  loop: LoopJumps,
  node: ts.Node,
  assigned: readonly Binding[],
  turn: () => Completion,
): Binding[] {
  const {
    left,
    node: { statement },
  } = loop;
  if (!mayLeave(statement)) return [];
  if (!mayReturn(statement)) return [left];
  const { returned, result, loops } = lowering.jumps!;
  // A return leaves the loops around this one too.
  const around = loops.filter((other) => other !== loop).flatMap((other) => [other.skipped, other.left]);
  if (result.current.kind === "hole") {
    const found = onTrial(lowering, node, assigned, () => {
      beginTurn(lowering, loop);
      markJump(lowering, turn());
      return result.current;
    });
    if (found.kind === "hole") return [left, ...around];
    lowering.assign(result, zerosLike(lowering, node, found));
  }
  return [left, returned, result, ...around];
}

/** Lowers `work` under the condition that a flag does not hold. */
export function unless(lowering: Lowering, node: ts.Node, flag: Value, work: () => void): void {
  lowerIf(
    lowering,
    node,
    flag,
    () => NOTHING,
    () => {
      work();
      return NOTHING;
    },
  );
}

/** A run-time `if` with a jump in it, and the statements after it. `tail`: nothing comes after those in the function. */
export function choice(
  lowering: Lowering,
  node: ts.IfStatement,
  test: Value,
  rest: readonly ts.Statement[],
  scope: Scope,
  tail: boolean,
): Completion {
  const { thenStatement, elseStatement } = node;
  // Where one arm always jumps, the rest belongs to the other.
  const toElse = alwaysJumps(thenStatement);
  const toThen = !toElse && alwaysJumps(elseStatement);
  // Both arms may take the rest only where that does not double the program again and again.
  const twice = tail && (toElse || toThen || rest.filter(splits).length <= MOST_SPLITS);
  // The rest stays in its scope: functions that were declared before see the names that it declares.
  const list = (statement: ts.Statement | undefined, more: readonly ts.Statement[]) =>
    lowering.run(statement ? [statement, ...more] : more, scope, twice);
  if (twice) {
    // At the end of a function the choice is between what the arms return.
    const arm = (statement: ts.Statement | undefined) => (): Operand => {
      const completion = list(statement, rest);
      return completion.kind === "return" ? completion.value : NOTHING;
    };
    return { kind: "return", value: lowerIf(lowering, node, test, arm(thenStatement), arm(elseStatement)) };
  }
  const arm = (statement: ts.Statement | undefined, takesRest: boolean) => (): Operand => {
    markJump(lowering, list(statement, takesRest ? rest : []));
    return NOTHING;
  };
  lowerIf(lowering, node, test, arm(thenStatement, toThen), arm(elseStatement, toElse));
  if (toElse || toThen) return NORMAL;
  return afterJumps(lowering, node, rest, scope, tail) ?? lowering.run(rest, scope, tail);
}

/** After a statement in which a run-time condition may have jumped: the rest, under the condition that none has. */
export function afterJumps(
  lowering: Lowering,
  node: ts.Statement,
  rest: readonly ts.Statement[],
  scope: Scope,
  tail: boolean,
): Completion | undefined {
  const jumps = lowering.jumps;
  if (!jumps || !jumpsIn(node)) return undefined;
  const loop = jumps.loops.at(-1);
  const flag = (loop ? loop.skipped : jumps.returned).current;
  if (isStatic(flag)) {
    if (!staticValue(flag)) return undefined;
    return loop ? { kind: "continue" } : { kind: "return", value: jumps.result.current };
  }
  if (flag.kind !== "value") return undefined;
  if (!tail) {
    if (rest.length) unless(lowering, node, flag.value, () => markJump(lowering, lowering.run(rest, scope)));
    return NORMAL;
  }
  const result = jumps.result.current;
  const value = lowerIf(
    lowering,
    node,
    flag.value,
    () => result,
    () => {
      const completion = lowering.run(rest, scope, tail);
      return completion.kind === "return" ? completion.value : NOTHING;
    },
  );
  return { kind: "return", value };
}
