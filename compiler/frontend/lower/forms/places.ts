/**
 * @file Places in the source: what is underlined of a node, what a function is called, which place is the user's own.
 *
 *     TypeScript in                  out
 *     for (const x of list) { … }    `for (const x of list) `, without the body
 *     const half = (x) => …          `half`
 */
import type { Location } from "../../../ir/module.js";
import { LIBRARY_PREFIX } from "../../library.js";
import { type FunctionNode, isFunctionNode } from "../../scopes.js";
import { ts } from "../../typescript.js";

/** A function as messages call it. */
export function functionName(fn: FunctionNode): string | undefined {
  const named = fn.name ?? ("name" in fn.parent ? (fn.parent.name as ts.Node | undefined) : undefined);
  return named && ts.isIdentifier(named) ? `\`${named.text}\`` : undefined;
}

/** The innermost place that is not in the library, if there is one. */
export function inUserCode(location: Location): Location {
  for (let at: Location | undefined = location; at; at = at.parent)
    if (!at.path.startsWith(LIBRARY_PREFIX)) return at;
  return location;
}

/** What is underlined of a node: of a statement its head, of a function, a class or an enum the name. */
export function headOf(node: ts.Node): { start: number; end: number } {
  const start = node.getStart();
  const whole = (of: ts.Node) => ({ start: of.getStart(), end: of.getEnd() });
  const upTo = (body: ts.Node) => ({ start, end: body.pos });
  if (ts.isIfStatement(node)) return upTo(node.thenStatement);
  if (
    ts.isForStatement(node) ||
    ts.isForOfStatement(node) ||
    ts.isForInStatement(node) ||
    ts.isWhileStatement(node)
  )
    return upTo(node.statement);
  if (ts.isSwitchStatement(node)) return upTo(node.caseBlock);
  if (ts.isLabeledStatement(node)) return whole(node.label);
  if ((ts.isClassLike(node) || ts.isEnumDeclaration(node)) && node.name) return { start, end: node.name.end };
  if (isFunctionNode(node))
    return whole(node.name ?? (ts.isPropertyAssignment(node.parent) ? node.parent.name : node));
  const isVar = ts.isVariableDeclarationList(node) && !(node.flags & ts.NodeFlags.BlockScoped);
  if (isVar || ts.isTryStatement(node) || ts.isDoStatement(node) || ts.isClassLike(node))
    return whole(node.getFirstToken() ?? node);
  return whole(node);
}
