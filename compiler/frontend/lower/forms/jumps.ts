/**
 * @file Where statements may jump: out of a turn, a loop, a function. Asked before anything is lowered.
 *
 *     TypeScript in                          out
 *     while (…) { if (p) break; s(); }       the body may leave the loop, and may end without a jump
 *     if (p) return a; else return b;        always jumps
 */
import { ts } from "../../typescript.js";

const K = ts.SyntaxKind;

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
export const mayLeave = (body: ts.Node): boolean =>
  findJump(body, (n, inLoop) => n.kind === K.ReturnStatement || (!inLoop && n.kind === K.BreakStatement));

/** Whether a loop's body may end the loop, and the function go on after it. */
export const mayBreak = (body: ts.Node): boolean =>
  findJump(body, (n, inLoop) => !inLoop && n.kind === K.BreakStatement);

export const mayReturn = (node: ts.Node): boolean => findJump(node, (n) => n.kind === K.ReturnStatement);

/** Whether a statement never ends normally, by its form. */
export function alwaysJumps(node: ts.Statement | undefined): boolean {
  if (!node) return false;
  if (ts.isBlock(node)) return alwaysJumps(node.statements.at(-1));
  if (ts.isIfStatement(node)) return alwaysJumps(node.thenStatement) && alwaysJumps(node.elseStatement);
  return ts.isReturnStatement(node) || ts.isBreakStatement(node) || ts.isContinueStatement(node);
}

/** Choices at the end of a function after which both arms may go on: the program doubles with each. */
export const MOST_SPLITS = 2;

export const splits = (node: ts.Statement): boolean =>
  ts.isIfStatement(node) &&
  jumpsIn(node) &&
  !alwaysJumps(node.thenStatement) &&
  !alwaysJumps(node.elseStatement);

/** The first `return` in a statement. */
export function returnIn(node: ts.Node): ts.Node | undefined {
  const visit = (n: ts.Node): ts.Node | undefined =>
    ts.isReturnStatement(n) ? n : ts.isFunctionLike(n) ? undefined : ts.forEachChild(n, visit);
  return visit(node);
}
