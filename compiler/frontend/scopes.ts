/** @file Which names a function captures: every identifier used as a value and bound in a scope around the function. */
import { ts } from "./typescript.js";

export type FunctionNode =
  | ts.ArrowFunction
  | ts.FunctionExpression
  | ts.FunctionDeclaration
  | ts.MethodDeclaration;

export const isFunctionNode = (node: ts.Node): node is FunctionNode =>
  (ts.isArrowFunction(node) ||
    ts.isFunctionExpression(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node)) &&
  node.body !== undefined;

const isScope = (node: ts.Node): boolean =>
  ts.isSourceFile(node) ||
  ts.isBlock(node) ||
  ts.isFunctionLike(node) ||
  ts.isForStatement(node) ||
  ts.isForOfStatement(node) ||
  ts.isForInStatement(node) ||
  ts.isCatchClause(node) ||
  ts.isCaseBlock(node) ||
  ts.isClassLike(node) ||
  ts.isModuleBlock(node);

const declared = new WeakMap<ts.Node, ReadonlyMap<string, ts.Node>>();

function bind(names: Map<string, ts.Node>, name: ts.BindingName, at: ts.Node): void {
  if (ts.isIdentifier(name)) names.set(name.text, at);
  else
    for (const element of name.elements) if (!ts.isOmittedExpression(element)) bind(names, element.name, at);
}

/** The names that a scope itself declares (not those of the scopes inside it), with their declarations. */
export function namesOf(scope: ts.Node): ReadonlyMap<string, ts.Node> {
  const known = declared.get(scope);
  if (known) return known;
  const names = new Map<string, ts.Node>();
  if (ts.isFunctionLike(scope)) {
    for (const parameter of scope.parameters) bind(names, parameter.name, parameter);
    if (ts.isFunctionExpression(scope) && scope.name) names.set(scope.name.text, scope);
  }
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node)) bind(names, node.name, node);
    if (
      (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isEnumDeclaration(node)) &&
      node.name
    )
      names.set(node.name.text, node);
    if (ts.isModuleDeclaration(node) && ts.isIdentifier(node.name)) names.set(node.name.text, node);
    if (ts.isImportDeclaration(node)) bindImport(names, node);
    if (isScope(node) || ts.isTypeNode(node)) return;
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(scope, visit);
  declared.set(scope, names);
  return names;
}

function bindImport(names: Map<string, ts.Node>, node: ts.ImportDeclaration): void {
  const clause = node.importClause;
  if (!clause || clause.isTypeOnly) return;
  if (clause.name) names.set(clause.name.text, node);
  const bindings = clause.namedBindings;
  if (bindings && ts.isNamespaceImport(bindings)) names.set(bindings.name.text, node);
  if (bindings && ts.isNamedImports(bindings))
    for (const e of bindings.elements) if (!e.isTypeOnly) names.set(e.name.text, node);
}

/** Where `name`, used at `node`, is declared: the scope and the declaration. `undefined` for globals. */
export function resolveName(
  node: ts.Node,
  name: string,
): { scope: ts.Node; declaration: ts.Node } | undefined {
  for (let scope: ts.Node | undefined = node.parent; scope; scope = scope.parent) {
    if (!isScope(scope)) continue;
    const declaration = namesOf(scope).get(name);
    if (declaration) return { scope, declaration };
  }
  return undefined;
}

/** Whether an identifier stands for a value, rather than naming a property, a declaration or a type. */
export function isValueUse(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isParameter(parent) || ts.isVariableDeclaration(parent)) return parent.initializer === node;
  if (ts.isMethodDeclaration(parent) || ts.isFunctionLike(parent))
    return "body" in parent && parent.body === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isLabeledStatement(parent))
    return false;
  return true;
}

/** Whether a node is `outer`, or stands in it. */
export function isInside(node: ts.Node | undefined, outer: ts.Node): boolean {
  for (let n = node; n; n = n.parent) if (n === outer) return true;
  return false;
}

/** The names that `fn` captures from the scopes around it. */
export function capturesOf(fn: FunctionNode): readonly string[] {
  const captured = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return;
    if (ts.isIdentifier(node) && isValueUse(node)) {
      const found = resolveName(node, node.text);
      if (found && !isInside(found.scope, fn)) captured.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  for (const parameter of fn.parameters) visit(parameter);
  if (fn.body) visit(fn.body);
  return [...captured];
}
