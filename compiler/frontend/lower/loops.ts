/** @file Loops: over what is known now they are written out, over the rest they are regions. */

import type { OpenRegion } from "../../build/function-builder.js";
import { type Value, walkOps } from "../../ir/module.js";
import type { OpName } from "../../ir/op-name.js";
import { specOf } from "../../registry/index.js";
import { LOOP_OVER_GROUP } from "../from-pytorch.js";
import { ts } from "../typescript.js";
import { condition, lowerFor, lowerWhile } from "./control.js";
import { evaluate } from "./expressions.js";
import { breaks, type Completion, hidden, LoopJumps, leaves, NORMAL, settle, unless } from "./jumps.js";
import type { Lowerer } from "./lowerer.js";
import { dynamic, fixed, isStatic, isTensor, type Operand, staticValue } from "./operand.js";
import { applyBinary, scalarOp } from "./operators.js";
import { bindPattern, itemsOf } from "./patterns.js";
import { type Binding, Scope } from "./scope.js";
import {
  assignedIn,
  assignedNames,
  assignTo,
  declareAll,
  isAssignment,
  isStep,
  runList,
} from "./statements.js";
import { subject } from "./words.js";

const K = ts.SyntaxKind;

/** More turns than this of a loop whose bounds are known now: almost surely a mistake, and a program nobody can read. */
const MAX_UNROLL = 4096;

export function forOf(lowerer: Lowerer, node: ts.ForOfStatement, scope: Scope): Completion {
  if (node.awaitModifier) lowerer.refuse(node, "async-function.for-await", {});
  const over = evaluate(lowerer, node.expression, scope);
  const items =
    itemsOf(lowerer, over) ??
    iterate(lowerer, over) ??
    (over.kind === "static" || over.kind === "record"
      ? notLoopedOver(lowerer, node.expression, over)
      : undefined) ??
    lowerer.refuse(
      node.expression,
      isTensor(over) ? "loop-over-unknown-length.tensor" : "loop-over-unknown-length",
      subject(node.expression, over),
      { hint: over.kind === "value" && over.value.type.kind === "group" ? LOOP_OVER_GROUP : undefined },
    );
  if (items.length > MAX_UNROLL)
    lowerer.refuse(node, "loop-too-long", { turns: items.length, most: MAX_UNROLL });
  const turns = items.map((item) => (): Completion => {
    const inner = new Scope(scope);
    if (ts.isVariableDeclarationList(node.initializer)) {
      bindPattern(lowerer, node.initializer.declarations[0]!.name, item, inner, true);
    } else {
      assignTo(lowerer, node.initializer, item, scope);
    }
    return runList(lowerer, [node.statement], inner);
  });
  return lowerer.inLoop(new LoopJumps(node), (loop) => unrolled(lowerer, node, loop, () => turns.shift()));
}

export const iterate = (lowerer: Lowerer, operand: Operand): readonly Operand[] | undefined =>
  operand.kind === "static" &&
  operand.value !== null &&
  operand.value !== undefined &&
  Symbol.iterator in Object(operand.value)
    ? taken(lowerer, operand.value as Iterable<unknown>)
    : undefined;

/** What something that is looped over gives, a little more than a loop may have turns at most: it may have no end. */
export function taken(lowerer: Lowerer, from: Iterable<unknown>): readonly Operand[] {
  const items: Operand[] = [];
  for (const item of from) if (items.push(lowerer.wrap(item)) > MAX_UNROLL) break;
  return items;
}

/** Whether a value is used up by looping over it: what `keys()` gives, or a generator. */
export const isIterator = (value: unknown): value is Iterable<unknown> =>
  / Iterator\]$|\[object Generator\]/.test(Object.prototype.toString.call(value));

const notLoopedOver = (lowerer: Lowerer, node: ts.Node, over: Operand): never =>
  lowerer.refuse(node, "not-a-collection.looped-over", subject(node, over));

export function forLoop(lowerer: Lowerer, node: ts.ForStatement, scope: Scope): Completion {
  const inner = new Scope(scope);
  if (node.initializer && ts.isVariableDeclarationList(node.initializer))
    declareAll(lowerer, node.initializer, inner);
  else if (node.initializer) evaluate(lowerer, node.initializer, inner);

  return lowerer.inLoop(new LoopJumps(node), (loop) => {
    const whole = () =>
      conditional(lowerer, node, loop, node.condition, node.statement, node.incrementor, inner);
    const counted = leaves(node.statement) ? undefined : countedLoop(lowerer, node, inner);
    if (!counted) return whole();
    const { counter, from, count } = counted;
    const assigned = assignedIn(node.statement, inner);
    lowerFor(lowerer, node, count, assigned, (index) => {
      const offset =
        isStatic(from) && staticValue(from) === 0
          ? index
          : scalarOp(lowerer, node, "scalar_add", index, lowerer.scalar(from, node, true));
      const body = new Scope(inner);
      body.declare(counter.name, dynamic(offset), false, node);
      loop.begin(lowerer);
      runList(lowerer, [node.statement], body);
    });
    return NORMAL;
  });
}

/** `for (let i = a; i < n; i++)` with a run-time `n`. */
function countedLoop(
  lowerer: Lowerer,
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
  if (!read || read.includes(counter.name) || mayAssign(lowerer, node, scope, [counter.name, ...read]))
    return undefined;
  const limit = evaluate(lowerer, test.right, scope);
  if (isStatic(limit) || limit.kind !== "value" || limit.value.type.kind !== "scalar") return undefined;
  const from = counter.current;
  const span = applyBinary(lowerer, test, K.MinusToken, limit, from);
  const whole = inclusive ? applyBinary(lowerer, test, K.PlusToken, span, fixed(1)) : span;
  return { counter, from, count: turns(lowerer, test, lowerer.scalar(whole, test), inclusive) };
}

/** The names in an expression that calls and changes nothing. */
function namesRead(node: ts.Node): readonly string[] | undefined {
  if (ts.isIdentifier(node)) return [node.text];
  const isMath = ts.isCallExpression(node) && /^Math\.\w+$/.test(node.expression.getText());
  const changes =
    (ts.isCallExpression(node) && !isMath) ||
    (ts.isBinaryExpression(node) && isAssignment(node)) ||
    isStep(node) ||
    ts.isFunctionLike(node);
  if (changes) return undefined;
  if (ts.isPropertyAccessExpression(node)) return namesRead(node.expression);
  const names: string[] = [];
  const whole = ts.forEachChild(node, (child) => {
    const read = namesRead(child);
    if (!read) return true;
    names.push(...read);
    return undefined;
  });
  return whole ? undefined : names;
}

/** Whether a turn may assign one of `names`: by itself, or in a function declared around the loop. */
function mayAssign(lowerer: Lowerer, node: ts.ForStatement, scope: Scope, names: readonly string[]): boolean {
  const assigned = new Set(assignedNames(node.statement));
  for (const fn of functionsAround(node, lowerer.source.node))
    for (const name of assignedNames(fn)) assigned.add(name);
  return names.some((name) => scope.find(name) && assigned.has(name));
}

/** Functions that are written in the function around a loop, and do not hold the loop. */
function functionsAround(loop: ts.Node, root: ts.Node): readonly ts.Node[] {
  let top = root;
  for (let at: ts.Node = loop; at; at = at.parent) if (ts.isFunctionLike(at)) top = at;
  const found: ts.Node[] = [];
  const visit = (n: ts.Node): void => {
    const holds = n.pos <= loop.pos && n.end >= loop.end;
    if (ts.isFunctionLike(n) && !holds) found.push(n);
    else ts.forEachChild(n, visit);
  };
  visit(top);
  return found;
}

/** The number of turns as an i64: the ceiling of a real span, its floor where the limit itself counts. */
function turns(lowerer: Lowerer, node: ts.Node, span: Value, floor: boolean): Value {
  if (span.type.kind === "scalar" && span.type.scalar === "i64") return span;
  const one = (op: OpName, v: Value) => lowerer.emit(node, op, [v])[0]!;
  const rounded = floor
    ? one("scalar_floor", span)
    : one("scalar_neg", one("scalar_floor", one("scalar_neg", span)));
  return one("scalar_to_i64", rounded);
}

export function whileLoop(lowerer: Lowerer, node: ts.WhileStatement, scope: Scope): Completion {
  return lowerer.inLoop(new LoopJumps(node), (loop) =>
    conditional(lowerer, node, loop, node.expression, node.statement, undefined, scope),
  );
}

/** A loop on a condition: unrolled as long as the condition is known now, a region from where it is not. */
function conditional(
  lowerer: Lowerer,
  node: ts.IterationStatement,
  loop: LoopJumps,
  test: ts.Expression | undefined,
  body: ts.Statement,
  step: ts.Expression | undefined,
  around: Scope,
): Completion {
  let scope = around;
  const ask = () => (test ? condition(lowerer, test, scope) : true);
  const turn = (): Completion => {
    const completion = runList(lowerer, [body], new Scope(scope));
    if (step && (completion.kind === "normal" || completion.kind === "continue"))
      staying(lowerer, node, loop, () => evaluate(lowerer, step, scope));
    return completion;
  };
  // A turn that is written out has variables of its own: a function made in it keeps them. After the last turn nobody sees
  // them, so that the step need not ask whether the loop was left.
  const stepOfOwn = (expression: ts.Expression): void => {
    scope = scope.copy();
    const trial = tried(lowerer, () => evaluate(lowerer, expression, scope));
    const mine = [...trial.assigned.keys()].every((binding) => scope.own(binding.name) === binding);
    if (mine && trial.pure) accept(lowerer, trial);
    else staying(lowerer, node, loop, () => evaluate(lowerer, expression, scope));
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
    const trial = tried(lowerer, ask);
    const known = typeof trial.result === "boolean";
    held = trial.result === true;
    if (left.kind === "value" && !(known && trial.pure && trial.assigned.size === 0)) {
      // The condition is asked only where no jump has left the loop.
      unless(lowerer, node, left.value, () => {
        lowerer.assign(loop.left, fixed(false));
        settle(lowerer, unrolled(lowerer, node, loop, next));
      });
      return undefined;
    }
    // Without end but for a jump that a run-time condition decides: turns that are written out would not end either.
    if (!known || (endless && trial.result === true && left.kind === "value")) {
      if (simple) runTime(lowerer, node, loop, ask, turn, scope);
      else askedOnce(lowerer, node, loop, accept(lowerer, trial), ask, turn, scope);
      return undefined;
    }
    if (!accept(lowerer, trial)) return undefined;
    if (turns++ === MAX_UNROLL) refuseLength(lowerer, node);
    return own ? () => runList(lowerer, [body], new Scope(scope)) : turn;
  };
  const completion = unrolled(lowerer, node, loop, next);
  // A loop without end and without break ends with the function.
  const returned = endless && held && !breaks(body) && loop.left.current.kind === "value";
  return returned ? { kind: "return", value: lowerer.jumps!.result.current } : completion;
}

/** Something that was lowered apart, and what it assigned; nothing of it has happened yet. */
interface Trial<T> {
  readonly result: T;
  readonly assigned: ReadonlyMap<Binding, Operand>;
  readonly region: OpenRegion;
  /** Whether it writes and draws nothing. */
  readonly pure: boolean;
}

function tried<T>(lowerer: Lowerer, work: () => T): Trial<T> {
  const { region, result } = lowerer.builder.region([], () => lowerer.branch(work));
  const pure = [...walkOps(region)].every((op) => ["pure", "read"].includes(specOf(op).effect));
  return { ...result, region, pure };
}

/** Lets what was tried happen here. */
function accept<T>(lowerer: Lowerer, { result, assigned, region }: Trial<T>): T {
  lowerer.builder.append(region);
  for (const [binding, value] of assigned) lowerer.assign(binding, value);
  return result;
}

const refuseLength = (lowerer: Lowerer, node: ts.Node): never =>
  lowerer.refuse(node, "loop-too-long.without-end", { most: MAX_UNROLL });

/** The rest of a loop, as a region that turns as long as its condition holds and nothing has left it. */
function runTime(
  lowerer: Lowerer,
  node: ts.IterationStatement,
  loop: LoopJumps,
  ask: () => boolean | Value,
  turn: () => Completion,
  scope: Scope,
): void {
  const assigned = assignedIn(node, scope);
  const carried = [...assigned, ...loop.carried(lowerer, node, assigned, turn)];
  lowerWhile(
    lowerer,
    node,
    carried,
    () => unlessLeft(lowerer, node, loop, ask()),
    () => {
      loop.begin(lowerer);
      settle(lowerer, turn());
    },
  );
}

/**
 * The same for a condition that may write or assign: it is asked before the loop and at the end of each turn, as often as
 * JavaScript would, and its answer is carried.
 */
function askedOnce(
  lowerer: Lowerer,
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
  const carried = [...assigned, goesOn, ...loop.carried(lowerer, node, assigned, turn)];
  lowerWhile(
    lowerer,
    node,
    carried,
    () => unlessLeft(lowerer, node, loop, lowerer.scalar(goesOn.current, node)),
    () => {
      loop.begin(lowerer);
      settle(lowerer, turn());
      staying(lowerer, node, loop, () => lowerer.assign(goesOn, operand(ask())));
    },
  );
}

/** A condition, and that no jump has left the loop. */
function unlessLeft(
  lowerer: Lowerer,
  node: ts.Node,
  loop: LoopJumps,
  answer: boolean | Value,
): boolean | Value {
  const left = loop.left.current;
  if (left.kind !== "value") return answer;
  const stays = lowerer.emit(node, "scalar_not", [left.value])[0]!;
  return typeof answer === "boolean" ? stays : lowerer.emit(node, "scalar_and", [stays, answer])[0]!;
}

/** What happens only where the loop was not left. */
function staying(lowerer: Lowerer, node: ts.Node, loop: LoopJumps, work: () => void): void {
  const left = loop.left.current;
  if (left.kind === "value") unless(lowerer, node, left.value, work);
  else if (!isStatic(left) || !staticValue(left)) work();
}

/** Turns that are written out. Where a run-time condition may have left the loop, a turn stands under that condition. */
function unrolled(
  lowerer: Lowerer,
  node: ts.Node,
  loop: LoopJumps,
  next: () => (() => Completion) | undefined,
): Completion {
  for (let turn = next(); turn; turn = next()) {
    const left = loop.left.current;
    const run = turn;
    if (left.kind === "value") {
      unless(lowerer, node, left.value, () => {
        loop.begin(lowerer);
        settle(lowerer, run());
      });
      continue;
    }
    loop.begin(lowerer);
    const completion = run();
    if (completion.kind === "break") return NORMAL;
    if (completion.kind === "return") return completion;
    if (isStatic(loop.left.current) && staticValue(loop.left.current)) return NORMAL;
  }
  return NORMAL;
}
