/** @file Finds the place in a method's source that a fault is about: its state, a function's result, one field of that. */
import type { Span } from "../../diagnostics/diagnostic.js";
import { LIBRARY_PREFIX } from "../library.js";
import type { FunctionSource } from "../lower/function-source.js";
import { ts } from "../typescript.js";

const spanOf = (source: FunctionSource, node: ts.Node): Span => ({
  path: source.path,
  start: node.getStart(),
  end: node.end,
});

/** The record of functions that `method(state, { plan, step, embed })` is given, found by one of them. */
function partsOf({ node }: FunctionSource): ts.ObjectLiteralExpression | undefined {
  const record = ts.isPropertyAssignment(node.parent) ? node.parent.parent : node.parent;
  return ts.isObjectLiteralExpression(record) ? record : undefined;
}

/** The state that the method of this function is given. */
export function stateNode(source: FunctionSource): ts.Node | undefined {
  const call = partsOf(source)?.parent;
  return call && ts.isCallExpression(call) ? call.arguments[0] : undefined;
}

export function stateOf(source: FunctionSource): Span | undefined {
  const node = stateNode(source);
  return inExperiment(source) && node ? spanOf(source, node) : undefined;
}

/**
 * The first stream that a plan takes from its batch and that is not among `streams`, with its place if that is in the
 * experiment.
 */
export function streamAskedFor(
  source: FunctionSource,
  streams: readonly string[],
): { readonly name: string; readonly span: Span | undefined } | undefined {
  const pattern = source.node.parameters[1]?.name;
  if (!pattern || !ts.isObjectBindingPattern(pattern)) return undefined;
  for (const element of pattern.elements) {
    const name = element.propertyName ?? element.name;
    if (
      element.dotDotDotToken ||
      element.initializer ||
      !ts.isIdentifier(name) ||
      streams.includes(name.text)
    )
      continue;
    return { name: name.text, span: inExperiment(source) ? spanOf(source, element) : undefined };
  }
  return undefined;
}

/** The entry of the state that an error names in backticks, by key or by path; otherwise the whole state. */
export function stateEntryOf(source: FunctionSource, error: unknown): Span | undefined {
  const state = stateNode(source);
  const [, path] = /`([^`]+)`/.exec(error instanceof Error ? error.message : "") ?? [];
  const entry = state && path !== undefined && (fieldIn(state, [path]) ?? fieldIn(state, path.split(".")));
  return inExperiment(source) && entry ? spanOf(source, entry) : stateOf(source);
}

/** The place where a plan returns the value that an error calls `plan.path`, or `path` of the plan. */
export function planValueOf(source: FunctionSource, error: unknown): Span | undefined {
  const message = error instanceof Error ? error.message : "";
  const [, path] = /`plan\.([\w.]+)`/.exec(message) ?? /`([\w.]+)` of the plan/.exec(message) ?? [];
  return inExperiment(source) && path !== undefined ? spanOf(source, returnedBy(source, path)) : undefined;
}

/** Whether a function is the experiment's own, not one of the library's. */
const inExperiment = ({ path }: FunctionSource) => !path.startsWith(LIBRARY_PREFIX);

/** Another function of the same method. */
export function partOf(source: FunctionSource, name: string): Span | undefined {
  const part = partsOf(source)?.properties.find((p) => p.name?.getText() === name);
  return part && spanOf(source, ts.isPropertyAssignment(part) ? part.initializer : (part.name ?? part));
}

/**
 * The last value that a function returns, as it is written, or a field of it if it is a record. Functions inside are
 * skipped.
 */
export function returnedBy({ node }: FunctionSource, field?: string): ts.Node {
  let found: ts.Node | undefined = ts.isBlock(node.body!) ? undefined : node.body;
  const visit = (n: ts.Node): void => {
    if (ts.isReturnStatement(n)) found = n.expression ?? n;
    else if (!ts.isFunctionLike(n)) ts.forEachChild(n, visit);
  };
  if (!found) visit(node.body!);
  while (found && ts.isParenthesizedExpression(found)) found = found.expression;
  if (!found) return node;
  return (field === undefined ? undefined : fieldIn(found, field.split("."))) ?? found;
}

/** The field at a path of names in a record, as it is written. */
function fieldIn(record: ts.Node, [name, ...rest]: readonly string[]): ts.Node | undefined {
  if (!ts.isObjectLiteralExpression(record)) return undefined;
  const found = record.properties.find((p) => p.name && "text" in p.name && p.name.text === name);
  if (!found || rest.length === 0) return found;
  return ts.isPropertyAssignment(found) ? (fieldIn(found.initializer, rest) ?? found) : found;
}
