/**
 * @file What a loop depends on, by its form: whether its turns can be counted before the first of them.
 *
 *     TypeScript in                           out
 *     for (let i = 0; i < plan.n; i++) …      reads `plan`; countable if no turn assigns `plan` or `i`
 */
import { ts } from "../../typescript.js";
import { isAssignment, isStep } from "./assigned.js";

/** The names in an expression that calls and changes nothing. */
export function namesRead(node: ts.Node): readonly string[] | undefined {
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

/** Functions that are written in the function around a loop, and do not hold the loop. */
export function functionsAround(loop: ts.Node, root: ts.Node): readonly ts.Node[] {
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
