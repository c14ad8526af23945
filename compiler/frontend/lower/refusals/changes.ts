/**
 * @file Where a variable gets another value, and where what it holds is changed: in a plan, or by a function that is called.
 *
 *     TypeScript in                                  out
 *     const seen = []; plan: () => seen.push(1)      `seen.push(1)` changes it, in every step
 *     let net; net = mobileFaceNet();                nothing: it is set once, outside of loops and functions
 */
import { type FunctionNode, isFunctionNode, isValueUse, resolveName } from "../../scopes.js";
import { ts } from "../../typescript.js";
import { namesIn, targetOf } from "../forms/assigned.js";

const MUTATORS = new Set([
  ...["push", "pop", "shift", "unshift", "splice", "sort", "reverse", "fill", "copyWithin", "set"],
]);

/** What may be given another value. */
export type Declared = ts.VariableDeclaration | ts.ParameterDeclaration;

const changes = new WeakMap<Declared, Map<string, ts.Node | undefined>>();

/** The first place where a variable is assigned again, or where a plan changes what it holds. */
export function changeOf(declaration: Declared, name: string): ts.Node | undefined {
  const known = changes.get(declaration) ?? new Map<string, ts.Node | undefined>();
  changes.set(declaration, known);
  if (known.has(name)) return known.get(name);
  const means = meaning(declaration, name);
  const found = isSetOnce(declaration, means) ? undefined : changeIn(declaration, means);
  known.set(name, found);
  return found;
}

/** Whether a node is a use of what `declaration` declares under a name. */
const meaning = (declaration: ts.Node, name: string) => (node: ts.Node) =>
  ts.isIdentifier(node) && node.text === name && resolveName(node, name)?.declaration === declaration;

/** Where a plan changes what an import holds, in the file that imports it. */
export const changeOfImport = (declaration: ts.ImportDeclaration, name: string): ts.Node | undefined =>
  changeIn(declaration, meaning(declaration, name));

function changeIn(declaration: ts.Node, means: (node: ts.Node) => boolean): ts.Node | undefined {
  const { parent } = declaration;
  const loop =
    ts.isVariableDeclarationList(parent) && ts.isForStatement(parent.parent) ? parent.parent : undefined;
  const visit = (node: ts.Node): ts.Node | undefined => {
    // Each turn of a loop has a variable of its own, which its step leaves alone.
    if (node === loop?.incrementor) return undefined;
    const target = targetOf(node);
    if (target && namesIn(target).some(means)) return node;
    const held = target ? (ts.isIdentifier(target) ? undefined : target) : mutated(node);
    const isChanged = (held && means(rootOf(held))) || (ts.isCallExpression(node) && handsOver(node, means));
    if (isChanged && insidePlan(node, declaration)) return node;
    return ts.forEachChild(node, visit);
  };
  return visit(declaration.getSourceFile());
}

/** Whether a call gives what is meant to a function of the file that changes it. */
function handsOver(node: ts.CallExpression, means: (node: ts.Node) => boolean): boolean {
  const given = node.arguments.map((argument) => means(rootOf(argument)));
  const fn = given.includes(true) ? functionNamed(node.expression) : undefined;
  return fn !== undefined && argumentChanged(fn, given) === "argument";
}

/** The function of the same file that a name means. */
function functionNamed(node: ts.Node): FunctionNode | undefined {
  const named = ts.isIdentifier(node) ? resolveName(node, node.text)?.declaration : undefined;
  const value = named && ts.isVariableDeclaration(named) ? named.initializer : named;
  return value && isFunctionNode(value) ? value : undefined;
}

/** Whether a variable gets its value after its declaration, in the code that it is declared in, outside of loops. */
function isSetOnce(declaration: Declared, means: (node: ts.Node) => boolean): boolean {
  if (!ts.isVariableDeclaration(declaration) || declaration.initializer || !ts.isIdentifier(declaration.name))
    return false;
  const home = functionAround(declaration);
  let once = true;
  const visit = (node: ts.Node): void => {
    const target = targetOf(node);
    if (target && namesIn(target).some(means)) {
      const plain = ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken;
      if (!plain || functionAround(node) !== home || inLoop(node, home)) once = false;
    }
    ts.forEachChild(node, visit);
  };
  visit(declaration.getSourceFile());
  return once;
}

function functionAround(node: ts.Node): ts.Node | undefined {
  for (let n = node.parent; n; n = n.parent) if (ts.isFunctionLike(n)) return n;
  return undefined;
}

function inLoop(node: ts.Node, home: ts.Node | undefined): boolean {
  for (let n = node.parent; n && n !== home; n = n.parent) if (ts.isIterationStatement(n, false)) return true;
  return false;
}

/** The list that a call changes in place. */
export const mutated = (node: ts.Node): ts.Node | undefined =>
  ts.isCallExpression(node) &&
  ts.isPropertyAccessExpression(node.expression) &&
  MUTATORS.has(node.expression.name.text)
    ? node.expression.expression
    : undefined;

const isConst = (declaration: ts.Node): boolean =>
  ts.isVariableDeclarationList(declaration.parent) && (declaration.parent.flags & ts.NodeFlags.Const) !== 0;

/** What a chain of fields begins with; of a constant that is another's name, that other's. */
export function rootOf(node: ts.Node): ts.Node {
  if (
    ts.isPropertyAccessExpression(node) ||
    ts.isElementAccessExpression(node) ||
    ts.isNonNullExpression(node)
  )
    return rootOf(node.expression);
  const declaration = ts.isIdentifier(node) ? resolveName(node, node.text)?.declaration : undefined;
  const alias = declaration && ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined;
  return alias && ts.isIdentifier(alias) && isConst(declaration!) ? rootOf(alias) : node;
}

/** Whether a place runs in every step: inside a `plan`, or a function that one calls, that the declaration is not part of. */
function insidePlan(node: ts.Node, declaration: ts.Node): boolean {
  const running = plannedIn(node.getSourceFile());
  for (let n = node; n.parent; n = n.parent)
    if (running.has(n)) return declaration.pos < n.pos || declaration.end > n.end;
  return false;
}

const planned = new WeakMap<ts.SourceFile, ReadonlySet<ts.Node>>();

/** The functions of a file that are called `plan`, and those that they name, and so on. */
function plannedIn(file: ts.SourceFile): ReadonlySet<ts.Node> {
  const known = planned.get(file);
  if (known) return known;
  const found = new Set<ts.Node>();
  const add = (fn: ts.Node): void => {
    if (found.has(fn)) return;
    found.add(fn);
    const visit = (node: ts.Node): void => {
      const used = ts.isIdentifier(node) && isValueUse(node) ? functionNamed(node) : undefined;
      if (used) add(used);
      ts.forEachChild(node, visit);
    };
    ts.forEachChild(fn, visit);
  };
  const visit = (node: ts.Node): void => {
    // `plan() { … }` and `plan: …` of a record, which may name the function.
    const isField =
      (ts.isMethodDeclaration(node) || ts.isPropertyAssignment(node)) && node.name.getText() === "plan";
    const value = isField && ts.isPropertyAssignment(node) ? node.initializer : node;
    const fn = isField ? (functionNamed(value) ?? value) : undefined;
    if (fn && isFunctionNode(fn)) add(fn);
    ts.forEachChild(node, visit);
  };
  visit(file);
  planned.set(file, found);
  return found;
}

/** What a function that is called now changes, an argument or its object: it would do so once, not in every step. */
export function argumentChanged(
  fn: FunctionNode,
  isHeldOutside: readonly boolean[],
): "argument" | "object" | undefined {
  const parameters = fn.parameters.filter((_, i) => isHeldOutside[i]);
  let found: "argument" | "object" | undefined;
  const visit = (node: ts.Node, own: boolean): void => {
    const held = targetOf(node) ?? mutated(node);
    const root = held && rootOf(held);
    const declaration = root && ts.isIdentifier(root) ? resolveName(root, root.text)?.declaration : undefined;
    const isAssigned = held === root && targetOf(node);
    if (!isAssigned && parameters.some((parameter) => parameter === declaration)) found ??= "argument";
    if (!isAssigned && own && root?.kind === ts.SyntaxKind.ThisKeyword) found ??= "object";
    // Another function's `this` is another.
    const inner = own && !(ts.isFunctionLike(node) && !ts.isArrowFunction(node));
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(fn.body!, true);
  return found;
}

/** Whether an assignment goes to a field or an element, and not to the variable. */
export function isHeld(change: ts.Node): boolean {
  const target = targetOf(change);
  return (
    target !== undefined && (ts.isPropertyAccessExpression(target) || ts.isElementAccessExpression(target))
  );
}
