/** @file Statements: declarations, assignments, branches, loops, returns. */

import type { PlainName } from "../../diagnostics/catalogue.js";
import type { Value } from "../../ir/module.js";
import { isFunctionNode, isInside, resolveName } from "../scopes.js";
import { ts } from "../typescript.js";
import { namesIn, targetOf } from "./changes.js";
import { condition, lowerIf } from "./control.js";
import { evaluate, unwrapped } from "./expressions.js";
import { afterJumps, type Completion, choice, FunctionJumps, jumpsIn, NORMAL } from "./jumps.js";
import { forLoop, forOf, whileLoop } from "./loops.js";
import type { Lowerer } from "./lowerer.js";
import { list, NOTHING, type Operand } from "./operand.js";
import { bindPattern, itemsOf, notTakenApart } from "./patterns.js";
import { type Binding, Scope } from "./scope.js";
import { called, shortly } from "./words.js";

const K = ts.SyntaxKind;

/** Runs a function's block; returns what it returns. */
export function runBody(lowerer: Lowerer, block: ts.Block, scope: Scope): Operand {
  return lowerer.inFunction(new FunctionJumps(block), () => {
    const completion = runList(lowerer, block.statements, scope, true);
    return completion.kind === "return" ? completion.value : NOTHING;
  });
}

/**
 * Runs statements in order. A jump that a run-time condition decides makes a choice of what follows it. `tail`: nothing comes
 * after them in the function.
 */
export function runList(
  lowerer: Lowerer,
  statements: readonly ts.Statement[],
  scope: Scope,
  tail = false,
): Completion {
  for (const statement of statements) {
    if (ts.isFunctionDeclaration(statement) && isFunctionNode(statement) && statement.name) {
      const source = { node: statement, path: lowerer.source.path, captures: lowerer.source.captures };
      const fn = { kind: "closure", source, scope, sizes: lowerer.sizes } as const;
      scope.declare(statement.name.text, fn, false, statement);
    }
  }
  for (const [i, statement] of statements.entries()) {
    const rest = statements.slice(i + 1);
    let run = (): Completion => runStatement(lowerer, statement, scope, tail && rest.length === 0);
    if (ts.isIfStatement(statement)) {
      const test = lowerer.guarded<boolean | Value>(
        () => condition(lowerer, statement.expression, scope),
        () => true,
      );
      if (typeof test !== "boolean" && jumpsIn(statement))
        return choice(lowerer, statement, test, rest, scope, tail);
      run = () => ifStatement(lowerer, statement, test, scope, tail && rest.length === 0);
    }
    const completion = lowerer.guarded(run, () => poison(statement, scope));
    if (completion.kind !== "normal") return completion;
    const jumped = afterJumps(lowerer, statement, rest, scope, tail);
    if (jumped) return jumped;
  }
  return NORMAL;
}

/** After a refusal: the names that the statement would have declared stand for nothing, without another message. */
function poison(statement: ts.Statement, scope: Scope): Completion {
  const declare = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) scope.declare(name.text, { kind: "poison" }, true, name);
    else for (const element of name.elements) if (!ts.isOmittedExpression(element)) declare(element.name);
  };
  if (ts.isVariableStatement(statement))
    for (const d of statement.declarationList.declarations) declare(d.name);
  else if ((ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement)) && statement.name)
    declare(statement.name);
  // A variable that was to get its first value here has none now.
  for (const binding of assignedIn(statement, scope))
    if (binding.current.kind === "static" && binding.current.value === undefined)
      binding.current = { kind: "poison" };
  return ts.isReturnStatement(statement) ? { kind: "return", value: { kind: "poison" } } : NORMAL;
}

const REFUSED: Partial<Record<ts.SyntaxKind, PlainName>> = {
  [K.TryStatement]: "try-statement",
  [K.ThrowStatement]: "throw-statement",
  [K.SwitchStatement]: "switch-statement",
  [K.ClassDeclaration]: "class-declaration",
  [K.ForInStatement]: "for-in-statement",
  [K.LabeledStatement]: "label",
  [K.DoStatement]: "do-statement",
  [K.WithStatement]: "unsupported-syntax.with",
  [K.EnumDeclaration]: "unsupported-syntax.enum",
  [K.DebuggerStatement]: "unsupported-syntax.debugger",
};

function runStatement(lowerer: Lowerer, node: ts.Statement, scope: Scope, tail: boolean): Completion {
  switch (node.kind) {
    case K.VariableStatement:
      declareAll(lowerer, (node as ts.VariableStatement).declarationList, scope);
      return NORMAL;
    case K.ExpressionStatement:
      effect(lowerer, unwrapped((node as ts.ExpressionStatement).expression), scope);
      return NORMAL;
    case K.ReturnStatement: {
      const { expression } = node as ts.ReturnStatement;
      return { kind: "return", value: expression ? evaluate(lowerer, expression, scope) : NOTHING };
    }
    case K.Block:
      return runList(lowerer, (node as ts.Block).statements, new Scope(scope), tail);
    case K.ForOfStatement:
      return forOf(lowerer, node as ts.ForOfStatement, scope);
    case K.ForStatement:
      return forLoop(lowerer, node as ts.ForStatement, scope);
    case K.WhileStatement:
      return whileLoop(lowerer, node as ts.WhileStatement, scope);
    case K.BreakStatement:
      return { kind: "break" };
    case K.ContinueStatement:
      return { kind: "continue" };
    case K.FunctionDeclaration:
    case K.EmptyStatement:
    case K.TypeAliasDeclaration:
    case K.InterfaceDeclaration:
      return NORMAL;
    default:
      return lowerer.refuse(node, REFUSED[node.kind] ?? "unsupported-syntax.statement", {});
  }
}

/** An expression for what it does: of `a && b` and `a || b` as of an `if`, nobody asks for the value. */
export function effect(lowerer: Lowerer, node: ts.Expression, scope: Scope): void {
  if (ts.isConditionalExpression(node)) {
    const decided = condition(lowerer, node.condition, scope);
    const arm = (taken: ts.Expression) => (): Operand => {
      effect(lowerer, unwrapped(taken), scope);
      return NOTHING;
    };
    const [then, otherwise] = [arm(node.whenTrue), arm(node.whenFalse)];
    if (typeof decided !== "boolean") lowerIf(lowerer, node, decided, then, otherwise);
    else if (decided) then();
    else otherwise();
    return;
  }
  const operator = ts.isBinaryExpression(node) ? node.operatorToken.kind : undefined;
  if (operator !== K.AmpersandAmpersandToken && operator !== K.BarBarToken) {
    evaluate(lowerer, node, scope);
    return;
  }
  const { left, right } = node as ts.BinaryExpression;
  const and = operator === K.AmpersandAmpersandToken;
  const test = condition(lowerer, left, scope);
  const taken = (): Operand => {
    effect(lowerer, unwrapped(right), scope);
    return NOTHING;
  };
  const not = () => NOTHING;
  if (typeof test !== "boolean") lowerIf(lowerer, node, test, and ? taken : not, and ? not : taken);
  else if (test === and) taken();
}

export function declareAll(lowerer: Lowerer, declarations: ts.VariableDeclarationList, scope: Scope): void {
  const mutable = !(declarations.flags & ts.NodeFlags.Const);
  if (!(declarations.flags & ts.NodeFlags.BlockScoped)) lowerer.refuse(declarations, "var-declaration", {});
  for (const { name, initializer } of declarations.declarations) {
    bindPattern(lowerer, name, initializer ? evaluate(lowerer, initializer, scope) : NOTHING, scope, mutable);
  }
}

/** Refuses to assign to a name that the compiled function does not declare; other targets are left to `assignTo`. */
export function refuseCaptured(lowerer: Lowerer, target: ts.Expression, scope: Scope): void {
  const inner = unwrapped(target);
  if (!ts.isIdentifier(inner) || scope.find(inner.text)) return;
  lowerer.refuse(inner, "assignment-to-capture", { name: inner.text });
}

/** Assignment to a name, or to a pattern of names. */
export function assignTo(lowerer: Lowerer, target: ts.Expression, value: Operand, scope: Scope): void {
  const inner = unwrapped(target);
  if (ts.isIdentifier(inner)) {
    refuseCaptured(lowerer, inner, scope);
    const binding = scope.find(inner.text)!;
    if (value.kind === "value") lowerer.builder.rename(value.value, inner.text);
    lowerer.assign(binding, value);
    return;
  }
  if (ts.isArrayLiteralExpression(inner)) {
    const items = itemsOf(lowerer, value) ?? notTakenApart(lowerer, inner, value);
    for (const [i, element] of inner.elements.entries()) {
      if (ts.isOmittedExpression(element)) continue;
      if (ts.isSpreadElement(element)) assignTo(lowerer, element.expression, list(items.slice(i)), scope);
      else assignElement(lowerer, element, items[i] ?? NOTHING, scope);
    }
    return;
  }
  if (ts.isObjectLiteralExpression(inner)) lowerer.refuse(target, "unsupported-syntax.record-assignment", {});
  if (ts.isElementAccessExpression(inner)) {
    scope.spoil(inner.expression);
    lowerer.refuse(target, "assignment-in-place.element", {
      target: called(target),
      list: shortly(inner.expression, "old"),
      index: shortly(inner.argumentExpression, "n"),
    });
  }
  const isField = ts.isPropertyAccessExpression(inner);
  lowerer.refuse(target, "assignment-in-place.field", {
    target: called(target),
    record: isField ? shortly(inner.expression, "old") : "old",
    field: isField ? inner.name.text : "name",
  });
}

/** An element of a pattern, with its default: `b = 2`. */
function assignElement(lowerer: Lowerer, element: ts.Expression, value: Operand, scope: Scope): void {
  const isDefault = ts.isBinaryExpression(element) && element.operatorToken.kind === K.EqualsToken;
  const missing = value.kind === "static" && value.value === undefined;
  const given = isDefault && missing ? evaluate(lowerer, element.right, scope) : value;
  assignTo(lowerer, isDefault ? element.left : element, given, scope);
}

/** An `if` whose condition was asked, once, and in which no run-time condition jumps. */
function ifStatement(
  lowerer: Lowerer,
  node: ts.IfStatement,
  test: boolean | Value,
  scope: Scope,
  tail: boolean,
): Completion {
  const { thenStatement, elseStatement } = node;
  if (typeof test === "boolean") {
    const taken = test ? thenStatement : elseStatement;
    return taken ? runList(lowerer, [taken], scope, tail) : NORMAL;
  }
  const arm = (statement: ts.Statement | undefined) => (): Operand => {
    if (statement) runList(lowerer, [statement], new Scope(scope));
    return NOTHING;
  };
  lowerIf(lowerer, node, test, arm(thenStatement), arm(elseStatement));
  return NORMAL;
}

/** Variables declared outside `node` that something in it assigns to. */
export const assignedIn = (node: ts.Node, scope: Scope): Binding[] => {
  const found = [...assignedNames(node)].map((name) => scope.find(name));
  return [...new Set(found.filter((binding) => binding !== undefined))];
};

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
