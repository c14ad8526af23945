/**
 * @file What would be called once, while the program is built, and give every step the same: the clock, random numbers, the
 * console.
 *
 *     TypeScript in       refused
 *     Math.random()       F2C2010 `Math.random` would be called once
 *     console.log(x)      F2C2011 `console.log` prints in Node
 */
import { ts } from "../../typescript.js";
import { functionName } from "../forms/places.js";
import type { FunctionSource } from "../function-source.js";
import type { Lowering } from "../lowering.js";
import type { Scope } from "../values/operand.js";

/** Whether an expression is JavaScript's global of this name. */
export const isGlobal = (node: ts.Expression, name: string, scope: Scope): boolean =>
  ts.isIdentifier(node) && node.text === name && !scope.find(name) && scope.capture(name, node) === undefined;

/** Refuses what gives something else at every call. */
export function refuseUnrepeatable(
  lowering: Lowering,
  node: ts.Node,
  what: string,
  asker?: FunctionSource,
): never {
  if (what.startsWith("console.")) refuseConsole(lowering, node, what);
  const use = asker && findText(asker.node, what);
  const span = use && { path: asker.path, start: use.getStart(), end: use.end };
  const asks = span && { message: `${functionName(asker.node) ?? "the function"} asks for it here`, span };
  return lowering.refuse(
    node,
    what === "Math.random" ? "unrepeatable-call.random" : "unrepeatable-call",
    { call: what },
    { related: asks ? [asks] : [] },
  );
}

/** The first expression in a function that is written so. */
const findText = (node: ts.Node, text: string): ts.Node | undefined =>
  node.getText() === text ? node : ts.forEachChild(node, (child) => findText(child, text));

const refuseConsole = (lowering: Lowering, node: ts.Node, what: string): never =>
  lowering.refuse(node, "console-call", { call: what });

/** Refuses globals that mean something only in Node. */
export function refuseGlobals(lowering: Lowering, node: ts.PropertyAccessExpression, scope: Scope): void {
  const { expression, name } = node;
  if (isGlobal(expression, "Date", scope)) refuseUnrepeatable(lowering, node, `Date.${name.text}`);
  if (isGlobal(expression, "console", scope)) refuseConsole(lowering, node, `console.${name.text}`);
}
