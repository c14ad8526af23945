/**
 * @file `for (let i = a; i < n; i++)`: with a run-time `n` a loop that counts; all other forms, and `while`, are loops on a condition.
 *
 *     TypeScript in                                 IR out
 *     for (let i = 0; i < plan.n; i++) y = f(y)     %y' = for(%plan.n, %y) { (%i, %y) … yield %y }
 */
import type { Value } from "../../../ir/module.js";
import type { OpName } from "../../../ir/op-name.js";
import { ts } from "../../typescript.js";
import { assignedNames } from "../forms/assigned.js";
import { mayLeave } from "../forms/jumps.js";
import { functionsAround, namesRead } from "../forms/loops.js";
import type { Lowering } from "../lowering.js";
import { applyBinary } from "../values/arithmetic.js";
import { lowerFor } from "../values/carrying.js";
import { type Completion, LoopJumps, NORMAL } from "../values/jump-marks.js";
import {
  type Binding,
  dynamic,
  fixed,
  isStatic,
  type Operand,
  Scope,
  staticValue,
} from "../values/operand.js";
import { scalar, scalarOp } from "../values/scalars.js";
import { conditional } from "./conditional-loops.js";
import { beginTurn } from "./jumps.js";
import { declareAll } from "./patterns.js";
import { assignedIn } from "./targets.js";

const K = ts.SyntaxKind;

export function forLoop(lowering: Lowering, node: ts.ForStatement, scope: Scope): Completion {
  const inner = new Scope(scope);
  if (node.initializer && ts.isVariableDeclarationList(node.initializer))
    declareAll(lowering, node.initializer, inner);
  else if (node.initializer) lowering.evaluate(node.initializer, inner);

  return lowering.inLoop(new LoopJumps(node), (loop) => {
    const whole = () =>
      conditional(lowering, node, loop, node.condition, node.statement, node.incrementor, inner);
    const counted = mayLeave(node.statement) ? undefined : countedLoop(lowering, node, inner);
    if (!counted) return whole();
    const { counter, from, count } = counted;
    const assigned = assignedIn(node.statement, inner);
    lowerFor(lowering, node, count, assigned, (index) => {
      const offset =
        isStatic(from) && staticValue(from) === 0
          ? index
          : scalarOp(lowering, node, "scalar_add", index, scalar(lowering, from, node, true));
      const body = new Scope(inner);
      body.declare(counter.name, dynamic(offset), false, node);
      beginTurn(lowering, loop);
      lowering.run([node.statement], body);
    });
    return NORMAL;
  });
}

/** `for (let i = a; i < n; i++)` with a run-time `n`. */
function countedLoop(
  lowering: Lowering,
  node: ts.ForStatement,
  scope: Scope,
): { counter: Binding; from: Operand; count: Value } | undefined {
  const test = node.condition;
  const step = node.incrementor;
  const increments =
    step &&
    (ts.isPostfixUnaryExpression(step) || ts.isPrefixUnaryExpression(step)) &&
    step.operator === K.PlusPlusToken &&
    ts.isIdentifier(step.operand);
  if (!increments || !test || !ts.isBinaryExpression(test) || !ts.isIdentifier(test.left)) return undefined;
  const inclusive = test.operatorToken.kind === K.LessThanEqualsToken;
  if (!inclusive && test.operatorToken.kind !== K.LessThanToken) return undefined;
  const counter = scope.own(test.left.text);
  if (!counter || counter.name !== (step.operand as ts.Identifier).text) return undefined;
  // The turns can be counted before the first only where no turn changes what they are counted by.
  const read = namesRead(test.right);
  if (!read || read.includes(counter.name) || mayAssign(lowering, node, scope, [counter.name, ...read]))
    return undefined;
  const limit = lowering.evaluate(test.right, scope);
  if (isStatic(limit) || limit.kind !== "value" || limit.value.type.kind !== "scalar") return undefined;
  const from = counter.current;
  const span = applyBinary(lowering, test, K.MinusToken, limit, from);
  const whole = inclusive ? applyBinary(lowering, test, K.PlusToken, span, fixed(1)) : span;
  return { counter, from, count: turns(lowering, test, scalar(lowering, whole, test), inclusive) };
}

/** Whether a turn may assign one of `names`: by itself, or in a function declared around the loop. */
function mayAssign(
  lowering: Lowering,
  node: ts.ForStatement,
  scope: Scope,
  names: readonly string[],
): boolean {
  const assigned = new Set(assignedNames(node.statement));
  for (const fn of functionsAround(node, lowering.source.node))
    for (const name of assignedNames(fn)) assigned.add(name);
  return names.some((name) => scope.find(name) && assigned.has(name));
}

/** The number of turns as an i64: the ceiling of a real span, its floor where the limit itself counts. */
export function turns(lowering: Lowering, node: ts.Node, span: Value, floor: boolean): Value {
  if (span.type.kind === "scalar" && span.type.scalar === "i64") return span;
  const one = (op: OpName, v: Value) => lowering.emit(node, op, [v])[0]!;
  const rounded = floor
    ? one("scalar_floor", span)
    : one("scalar_neg", one("scalar_floor", one("scalar_neg", span)));
  return one("scalar_to_i64", rounded);
}

export function whileLoop(lowering: Lowering, node: ts.WhileStatement, scope: Scope): Completion {
  return lowering.inLoop(new LoopJumps(node), (loop) =>
    conditional(lowering, node, loop, node.expression, node.statement, undefined, scope),
  );
}
