/**
 * @file Loops on a condition: `while`, and `for` whose turns cannot be counted beforehand. Turns are written out as long as the
 * condition is known now; from where it is not, the rest is one loop of the program.
 *
 *     TypeScript in                  IR out
 *     while (i < 3) …                the ops of three turns
 *     while (n < plan.n) …           %n' = while(%n) { condition } { turn … yield %n }
 */
import type { Value } from "../../../ir/module.js";
import { ts } from "../../typescript.js";
import { assignedNames } from "../forms/assigned.js";
import { mayBreak } from "../forms/jumps.js";
import { namesRead } from "../forms/loops.js";
import type { Lowering } from "../lowering.js";
import { lowerWhile } from "../values/carrying.js";
import { MAX_UNROLL } from "../values/collections.js";
import { type Completion, hidden, type LoopJumps } from "../values/jump-marks.js";
import { dynamic, fixed, Scope } from "../values/operand.js";
import { scalar } from "../values/scalars.js";
import { accept, tried } from "../values/trials.js";
import { condition } from "./condition.js";
import { beginTurn, markJump, marksCarried, unless } from "./jumps.js";
import { assignedIn } from "./targets.js";
import { refuseLength, staying, unlessLeft, unrolled } from "./turns.js";

/** A loop on a condition: unrolled as long as the condition is known now, a region from where it is not. */
export function conditional(
  lowering: Lowering,
  node: ts.IterationStatement,
  loop: LoopJumps,
  test: ts.Expression | undefined,
  body: ts.Statement,
  step: ts.Expression | undefined,
  around: Scope,
): Completion {
  let scope = around;
  const ask = () => (test ? condition(lowering, test, scope) : true);
  const turn = (): Completion => {
    const completion = lowering.run([body], new Scope(scope));
    if (step && (completion.kind === "normal" || completion.kind === "continue"))
      staying(lowering, node, loop, () => lowering.evaluate(step, scope));
    return completion;
  };
  // A turn that is written out has variables of its own: a function made in it keeps them. After the last turn nobody sees
  // them, so that the step need not ask whether the loop was left.
  const stepOfOwn = (expression: ts.Expression): void => {
    scope = scope.copy();
    const trial = tried(lowering, () => lowering.evaluate(expression, scope));
    const mine = [...trial.assigned.keys()].every((binding) => scope.own(binding.name) === binding);
    if (mine && trial.pure) accept(lowering, trial);
    else staying(lowering, node, loop, () => lowering.evaluate(expression, scope));
  };
  const own = ts.isForStatement(node) && node.initializer && ts.isVariableDeclarationList(node.initializer);
  const read = test ? namesRead(test) : [];
  const simple = read !== undefined;
  const changed = assignedNames(node);
  /** Whether the condition holds for ever. */
  const endless = simple && !read.some((name) => changed.has(name));
  let turns = 0;
  let held = false;
  const next = (): (() => Completion) | undefined => {
    if (own && step && turns > 0) stepOfOwn(step);
    const left = loop.left.current;
    const trial = tried(lowering, ask);
    const known = typeof trial.result === "boolean";
    held = trial.result === true;
    if (left.kind === "value" && !(known && trial.pure && trial.assigned.size === 0)) {
      // The condition is evaluated only where no jump has left the loop.
      unless(lowering, node, left.value, () => {
        lowering.assign(loop.left, fixed(false));
        markJump(lowering, unrolled(lowering, node, loop, next));
      });
      return undefined;
    }
    // Without end but for a jump that a run-time condition decides: turns that are written out would not end either.
    if (!known || (endless && trial.result === true && left.kind === "value")) {
      if (simple) runTime(lowering, node, loop, ask, turn, scope);
      else askedOnce(lowering, node, loop, accept(lowering, trial), ask, turn, scope);
      return undefined;
    }
    if (!accept(lowering, trial)) return undefined;
    if (turns++ === MAX_UNROLL) refuseLength(lowering, node);
    return own ? () => lowering.run([body], new Scope(scope)) : turn;
  };
  const completion = unrolled(lowering, node, loop, next);
  // A loop without end and without break ends with the function.
  const returned = endless && held && !mayBreak(body) && loop.left.current.kind === "value";
  return returned ? { kind: "return", value: lowering.jumps!.result.current } : completion;
}

/** The rest of a loop, as a region that turns as long as its condition holds and nothing has left it. */
function runTime(
  lowering: Lowering,
  node: ts.IterationStatement,
  loop: LoopJumps,
  ask: () => boolean | Value,
  turn: () => Completion,
  scope: Scope,
): void {
  const assigned = assignedIn(node, scope);
  const carried = [...assigned, ...marksCarried(lowering, loop, node, assigned, turn)];
  lowerWhile(
    lowering,
    node,
    carried,
    () => unlessLeft(lowering, node, loop, ask()),
    () => {
      beginTurn(lowering, loop);
      markJump(lowering, turn());
    },
  );
}

/**
 * The same for a condition that may write or assign: it is evaluated before the loop and at the end of each turn, as often as
 * JavaScript would, and its answer is carried.
 */
function askedOnce(
  lowering: Lowering,
  node: ts.IterationStatement,
  loop: LoopJumps,
  first: boolean | Value,
  ask: () => boolean | Value,
  turn: () => Completion,
  scope: Scope,
): void {
  const operand = (answer: boolean | Value) =>
    typeof answer === "boolean" ? fixed(answer) : dynamic(answer);
  const goesOn = hidden("goes on", node, operand(first));
  const assigned = assignedIn(node, scope);
  const carried = [...assigned, goesOn, ...marksCarried(lowering, loop, node, assigned, turn)];
  lowerWhile(
    lowering,
    node,
    carried,
    () => unlessLeft(lowering, node, loop, scalar(lowering, goesOn.current, node)),
    () => {
      beginTurn(lowering, loop);
      markJump(lowering, turn());
      staying(lowering, node, loop, () => lowering.assign(goesOn, operand(ask())));
    },
  );
}
