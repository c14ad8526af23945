/**
 * @file Which names a piece of syntax assigns. A loop carries them, a branch joins them; nothing is lowered here.
 *
 *     TypeScript in                             out
 *     for (…) { a = b; [c, d] = pair; e++; }    a, c, d, e
 */
import { isInside, resolveName } from "../../scopes.js";
import { ts } from "../../typescript.js";
import { unwrapped } from "./expressions.js";

const K = ts.SyntaxKind;

/** What a node assigns to, if it assigns. */
export function targetOf(node: ts.Node): ts.Node | undefined {
  const K = ts.SyntaxKind;
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    return kind >= K.FirstAssignment && kind <= K.LastAssignment ? node.left : undefined;
  }
  if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node))
    return node.operator === K.PlusPlusToken || node.operator === K.MinusMinusToken
      ? node.operand
      : undefined;
  if (
    (ts.isForOfStatement(node) || ts.isForInStatement(node)) &&
    !ts.isVariableDeclarationList(node.initializer)
  )
    return node.initializer;
  return undefined;
}

/** The names that an assignment target gives a new value: itself, or those of a pattern. */
export function namesIn(target: ts.Node): readonly ts.Identifier[] {
  if (ts.isExpression(target) && unwrapped(target) !== target) return namesIn(unwrapped(target));
  if (ts.isIdentifier(target)) return [target];
  if (ts.isArrayLiteralExpression(target)) return target.elements.flatMap(namesIn);
  if (ts.isSpreadElement(target)) return namesIn(target.expression);
  // In a pattern: a default.
  if (ts.isBinaryExpression(target)) return namesIn(target.left);
  if (ts.isObjectLiteralExpression(target))
    return target.properties.flatMap((p) =>
      ts.isShorthandPropertyAssignment(p)
        ? [p.name]
        : ts.isPropertyAssignment(p)
          ? namesIn(p.initializer)
          : [],
    );
  return [];
}

export const isAssignment = ({ operatorToken: { kind } }: ts.BinaryExpression): boolean =>
  kind >= K.FirstAssignment && kind <= K.LastAssignment;

/** Whether a node is `++` or `--` of something. */
export const isStep = (n: ts.Node): n is ts.PrefixUnaryExpression | ts.PostfixUnaryExpression =>
  (ts.isPrefixUnaryExpression(n) || ts.isPostfixUnaryExpression(n)) &&
  (n.operator === K.PlusPlusToken || n.operator === K.MinusMinusToken);

/** Names that a node itself gives another value. */
function namesAssigned(node: ts.Node): readonly ts.Identifier[] {
  const target = targetOf(node);
  return target ? namesIn(target) : [];
}

/** Names of variables that something in `node` assigns to, and that are declared outside of it or in a loop's own head. */
export function assignedNames(node: ts.Node): ReadonlySet<string> {
  const names = new Set<string>();
  const head = ts.isForStatement(node) ? node.initializer : undefined;
  const visit = (n: ts.Node): void => {
    for (const name of namesAssigned(n)) {
      const declaration = resolveName(name, name.text)?.declaration;
      if (!isInside(declaration, node) || (head && isInside(declaration, head))) names.add(name.text);
    }
    ts.forEachChild(n, visit);
  };
  visit(node);
  return names;
}

/** The last assignment to a name in `node`. */
export function assignmentTo(node: ts.Node, name: string): ts.Node | undefined {
  let found: ts.Node | undefined;
  const visit = (n: ts.Node): void => {
    if (namesAssigned(n).some(({ text }) => text === name)) found = n;
    ts.forEachChild(n, visit);
  };
  visit(node);
  return found;
}
