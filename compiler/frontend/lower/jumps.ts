/**
 * @file `break`, `continue` and `return` that a run-time condition decides. A region has one end, so such a jump sets flags,
 * and what it jumps over stands under them: a loop has `skipped`, for the rest of its turn, and `left`, for its other turns;
 * a function has `returned`, and the result.
 */

import type { Value } from "../../ir/module.js";
import { ts } from "../typescript.js";
import { lowerIf, onTrial, zerosLike } from "./control.js";
import type { Lowerer } from "./lowerer.js";
import { fixed, isStatic, NOTHING, type Operand, staticValue } from "./operand.js";
import { type Binding, Scope } from "./scope.js";
import { runList } from "./statements.js";

const K = ts.SyntaxKind;

/** How statements ended. */
export type Completion =
  | { readonly kind: "normal" | "break" | "continue" }
  | { readonly kind: "return"; readonly value: Operand };
export const NORMAL: Completion = { kind: "normal" };

/** A variable that the program's author does not see. */
export const hidden = (name: string, node: ts.Node, value: Operand): Binding => ({
  ...new Scope(undefined).declare(name, value, true, node),
  hidden: true,
});

/** Where the jumps out of a function's loops leave their marks. */
export class FunctionJumps {
  readonly loops: LoopJumps[] = [];
  readonly returned: Binding;
  readonly result: Binding;

  constructor(node: ts.Node) {
    this.returned = hidden("returned", node, fixed(false));
    this.result = hidden("result", node, { kind: "hole" });
  }
}

/** Where the jumps in a loop leave their marks. */
export class LoopJumps {
  readonly skipped: Binding;
  readonly left: Binding;

  constructor(readonly node: ts.IterationStatement) {
    this.skipped = hidden("skipped", node, fixed(false));
    this.left = hidden("left", node, fixed(false));
  }

  /** A turn begins: nothing of it is skipped yet. */
  begin(lowerer: Lowerer): void {
    lowerer.assign(this.skipped, fixed(false));
  }

  /**
   * The marks that a run-time loop carries from turn to turn, beside `assigned`. A result has to be there before it is
   * known: a turn is lowered on trial to learn its type, and zeros stand for it.
   */
  carried(lowerer: Lowerer, node: ts.Node, assigned: readonly Binding[], turn: () => Completion): Binding[] {
    const { statement } = this.node;
    if (!leaves(statement)) return [];
    if (!returns(statement)) return [this.left];
    const { returned, result, loops } = lowerer.jumps!;
    // A return leaves the loops around this one too.
    const around = loops.filter((loop) => loop !== this).flatMap((loop) => [loop.skipped, loop.left]);
    if (result.current.kind === "hole") {
      const found = onTrial(lowerer, node, assigned, () => {
        this.begin(lowerer);
        settle(lowerer, turn());
        return result.current;
      });
      if (found.kind === "hole") return [this.left, ...around];
      lowerer.assign(result, zerosLike(lowerer, node, found));
    }
    return [this.left, returned, result, ...around];
  }
}

/** Statements under `node` that jump out of it, functions inside it not counted. */
function findJump(node: ts.Node, wanted: (n: ts.Node, inLoop: boolean) => boolean): boolean {
  const visit = (n: ts.Node, inLoop: boolean): boolean =>
    wanted(n, inLoop) ||
    (!ts.isFunctionLike(n) &&
      ts.forEachChild(n, (child) =>
        visit(child, inLoop || (n !== node && ts.isIterationStatement(n, false))),
      ) === true);
  return visit(node, false);
}

/** Whether a statement holds `return`, or a `break` or `continue` of the loop around it. */
export const jumpsIn = (node: ts.Node): boolean =>
  findJump(
    node,
    (n, inLoop) =>
      n.kind === K.ReturnStatement ||
      (!inLoop &&
        !ts.isIterationStatement(node, false) &&
        (n.kind === K.BreakStatement || n.kind === K.ContinueStatement)),
  );
/** Whether a loop's body may leave the loop. */
export const leaves = (body: ts.Node): boolean =>
  findJump(body, (n, inLoop) => n.kind === K.ReturnStatement || (!inLoop && n.kind === K.BreakStatement));
/** Whether a loop's body may end the loop, and the function go on after it. */
export const breaks = (body: ts.Node): boolean =>
  findJump(body, (n, inLoop) => !inLoop && n.kind === K.BreakStatement);
const returns = (node: ts.Node): boolean => findJump(node, (n) => n.kind === K.ReturnStatement);

/** Whether a statement never ends normally, by its form. */
function alwaysJumps(node: ts.Statement | undefined): boolean {
  if (!node) return false;
  if (ts.isBlock(node)) return alwaysJumps(node.statements.at(-1));
  if (ts.isIfStatement(node)) return alwaysJumps(node.thenStatement) && alwaysJumps(node.elseStatement);
  return ts.isReturnStatement(node) || ts.isBreakStatement(node) || ts.isContinueStatement(node);
}

/** Choices at the end of a function after which both arms may go on: the program doubles with each. */
const MOST_SPLITS = 2;
const splits = (node: ts.Statement): boolean =>
  ts.isIfStatement(node) &&
  jumpsIn(node) &&
  !alwaysJumps(node.thenStatement) &&
  !alwaysJumps(node.elseStatement);

/** Sets the marks of how statements ended in an arm or a turn. */
export function settle(lowerer: Lowerer, completion: Completion): void {
  const jumps = lowerer.jumps!;
  const loop = jumps.loops.at(-1);
  const mark = (binding: Binding) => lowerer.assign(binding, fixed(true));
  switch (completion.kind) {
    case "normal":
      return;
    case "return":
      mark(jumps.returned);
      lowerer.assign(jumps.result, completion.value);
      for (const { skipped, left } of jumps.loops) [skipped, left].forEach(mark);
      return;
    default:
      if (loop) mark(loop.skipped);
      if (loop && completion.kind === "break") mark(loop.left);
  }
}

/** Lowers `work` under the condition that a flag does not hold. */
export function unless(lowerer: Lowerer, node: ts.Node, flag: Value, work: () => void): void {
  lowerIf(
    lowerer,
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
  lowerer: Lowerer,
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
    runList(lowerer, statement ? [statement, ...more] : more, scope, twice);
  if (twice) {
    // At the end of a function the choice is between what the arms return.
    const arm = (statement: ts.Statement | undefined) => (): Operand => {
      const completion = list(statement, rest);
      return completion.kind === "return" ? completion.value : NOTHING;
    };
    return { kind: "return", value: lowerIf(lowerer, node, test, arm(thenStatement), arm(elseStatement)) };
  }
  const arm = (statement: ts.Statement | undefined, takesRest: boolean) => (): Operand => {
    settle(lowerer, list(statement, takesRest ? rest : []));
    return NOTHING;
  };
  lowerIf(lowerer, node, test, arm(thenStatement, toThen), arm(elseStatement, toElse));
  if (toElse || toThen) return NORMAL;
  return afterJumps(lowerer, node, rest, scope, tail) ?? runList(lowerer, rest, scope, tail);
}

/** After a statement in which a run-time condition may have jumped: the rest, under the condition that none has. */
export function afterJumps(
  lowerer: Lowerer,
  node: ts.Statement,
  rest: readonly ts.Statement[],
  scope: Scope,
  tail: boolean,
): Completion | undefined {
  const jumps = lowerer.jumps;
  if (!jumps || !jumpsIn(node)) return undefined;
  const loop = jumps.loops.at(-1);
  const flag = (loop ? loop.skipped : jumps.returned).current;
  if (isStatic(flag)) {
    if (!staticValue(flag)) return undefined;
    return loop ? { kind: "continue" } : { kind: "return", value: jumps.result.current };
  }
  if (flag.kind !== "value") return undefined;
  if (!tail) {
    if (rest.length) unless(lowerer, node, flag.value, () => settle(lowerer, runList(lowerer, rest, scope)));
    return NORMAL;
  }
  const result = jumps.result.current;
  const value = lowerIf(
    lowerer,
    node,
    flag.value,
    () => result,
    () => {
      const completion = runList(lowerer, rest, scope, tail);
      return completion.kind === "return" ? completion.value : NOTHING;
    },
  );
  return { kind: "return", value };
}
