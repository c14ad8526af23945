/** @file Finds places in the experiment's own files from the stack of an exception. */
import type { Span } from "../../diagnostics/diagnostic.js";
import { ts } from "../typescript.js";
import { recordIn } from "./options.js";
import { tagFunctions, untagged } from "./tagger.js";

/** The text of one of the experiment's own files; undefined for every other path. */
export type OwnText = (path: string) => string | undefined;

/** The calls that an exception came through, innermost first, in the experiment's own files. */
export function placesInStack(error: unknown, own: OwnText): readonly Span[] {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return stack.split("\n").flatMap((line) => {
    const [, found, row, column] = /\(?((?:file:\/\/)?\/[^()]*\.[cm]?tsx?):(\d+):(\d+)\)?/.exec(line) ?? [];
    const path = found?.replace("file://", "");
    const text = path === undefined ? undefined : own(path);
    return path === undefined || text === undefined
      ? []
      : [placeAt(path, text, Number(row) - 1, Number(column) - 1, error as Error)];
  });
}

/** The options that a message names in backticks. */
const optionsIn = ({ message }: Error): readonly string[] =>
  [...message.matchAll(/`(?:\w+\.)*(\w+)`/g)].map(([, name]) => name!);

/**
 * The place in the source for a row and column of the tagged text, which is what ran: a call, or the option of it that the
 * error is about.
 */
function placeAt(path: string, text: string, row: number, column: number, error: Error): Span {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const ran = tagFunctions(file, path).split("\n");
  const before = ran.slice(0, row).reduce((n, line) => n + line.length + 1, 0);
  const node = tokenAt(file, untagged(file, path, before + column));
  const call = callOf(node);
  const whole = call && !isLong(call) && !(error instanceof TypeError);
  const shown = call ? (optionOf(call, optionsIn(error)) ?? (whole ? call : call.expression)) : node;
  return isLong(shown) ? lineOf(path, text, row) : { path, start: shown.getStart(), end: shown.end };
}

function tokenAt(file: ts.SourceFile, offset: number): ts.Node {
  const visit = (node: ts.Node): ts.Node =>
    ts.forEachChild(node, (child) =>
      child.getStart() <= offset && offset < child.end ? visit(child) : undefined,
    ) ?? node;
  return visit(file);
}

/** The call or the construction at whose name, or at whose parenthesis, a stack points. */
function callOf(token: ts.Node): ts.CallExpression | ts.NewExpression | undefined {
  const { parent } = token;
  const callee = parent && ts.isPropertyAccessExpression(parent) && parent.name === token ? parent : token;
  if (ts.isNewExpression(callee) || ts.isCallExpression(callee)) return callee;
  const call = callee.parent;
  return call && (ts.isCallExpression(call) || ts.isNewExpression(call)) && call.expression === callee
    ? call
    : undefined;
}

/** The value of the first of `names` that a call is given in a record, however deep. */
const optionOf = (call: ts.CallExpression | ts.NewExpression, names: readonly string[]) =>
  optionIn(call.arguments ?? [], names);

function optionIn(records: readonly ts.Node[], names: readonly string[]): ts.Node | undefined {
  const find = (node: ts.Node, name: string): ts.Node | undefined => {
    if (ts.isFunctionLike(node)) return undefined;
    const isNamed =
      (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) &&
      "text" in node.name &&
      node.name.text === name;
    if (isNamed) return ts.isPropertyAssignment(node) ? node.initializer : node;
    return ts.forEachChild(node, (child) => find(child, name));
  };
  for (const name of names)
    for (const record of records) {
      const found = find(record, name);
      if (found) return found;
    }
  return undefined;
}

/**
 * The option that an error names, inside the call that is an option of the experiment: `root` in `data: imageFolder({ root:
 * … })`.
 */
export function optionNamed(path: string, text: string, option: string, error: unknown): Span | undefined {
  if (!(error instanceof Error)) return undefined;
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const found = file.statements.find((s): s is ts.ExportAssignment => ts.isExportAssignment(s));
  const whole = found && callIn(found.expression);
  const given = whole && recordIn(whole.arguments.at(-1));
  const value = given && optionIn([given], [option]);
  const call = value && callIn(ts.isShorthandPropertyAssignment(value) ? value.name : value);
  const named = call && optionOf(call, optionsIn(error));
  return named && { path, start: named.getStart(), end: named.end };
}

/** A call, or the call that initialises a constant of the file. */
function callIn(node: ts.Node): ts.CallExpression | undefined {
  if (ts.isCallExpression(node)) return node;
  if (!ts.isIdentifier(node)) return undefined;
  for (const statement of node.getSourceFile().statements)
    if (ts.isVariableStatement(statement))
      for (const { name, initializer } of statement.declarationList.declarations)
        if (ts.isIdentifier(name) && name.text === node.text && initializer) return callIn(initializer);
  return undefined;
}

const isLong = (node: ts.Node) => node.getText().includes("\n");

/** A line without the white space around it. */
function lineOf(path: string, text: string, row: number): Span {
  const lines = text.split("\n");
  const start = lines.slice(0, row).reduce((n, line) => n + line.length + 1, 0);
  const content = lines[row] ?? "";
  return {
    path,
    start: start + content.length - content.trimStart().length,
    end: start + content.trimEnd().length,
  };
}
