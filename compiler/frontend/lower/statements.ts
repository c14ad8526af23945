/** @file Statements: declarations, assignments, branches, loops, returns. */
import { ts } from "ts-morph";
import type { Value } from "../../ir/module.js";
import { isFunctionNode } from "../scopes.js";
import { condition, lowerFor, lowerIf, lowerWhile } from "./control.js";
import { evaluate, unwrapped } from "./expressions.js";
import { describe, type Lowerer } from "./lowerer.js";
import { dynamic, fixed, isStatic, NOTHING, type Operand, staticValue } from "./operand.js";
import { applyBinary, scalarOp } from "./operators.js";
import { bindPattern, itemsOf, notTakenApart } from "./patterns.js";
import { type Binding, Scope } from "./scope.js";

const K = ts.SyntaxKind;

/** How a statement ended. */
type Completion =
  | { readonly kind: "normal" | "break" | "continue" }
  | { readonly kind: "return"; readonly value: Operand };
const NORMAL: Completion = { kind: "normal" };

/** More turns than this of a loop whose bounds are known now: almost surely a mistake, and a program nobody can read. */
const MAX_UNROLL = 4096;

/** Runs a function's block; returns what it returns. */
export function runBody(lowerer: Lowerer, block: ts.Block, scope: Scope): Operand {
  const completion = runList(lowerer, block.statements, scope);
  return completion.kind === "return" ? completion.value : NOTHING;
}

function runList(lowerer: Lowerer, statements: readonly ts.Statement[], scope: Scope): Completion {
  for (const statement of statements) {
    if (ts.isFunctionDeclaration(statement) && isFunctionNode(statement) && statement.name) {
      const source = { node: statement, path: lowerer.source.path, captures: lowerer.source.captures };
      scope.declare(statement.name.text, { kind: "closure", source, scope }, false, statement);
    }
  }
  for (const [i, statement] of statements.entries()) {
    if (ts.isIfStatement(statement) && endsFunction(statement)) {
      const test = lowerer.guarded<boolean | Value>(
        () => condition(lowerer, statement.expression, scope),
        () => true,
      );
      if (typeof test !== "boolean")
        return earlyReturn(lowerer, statement, test, statements.slice(i + 1), scope);
    }
    const completion = lowerer.guarded(
      () => run(lowerer, statement, scope),
      () => poison(statement, scope),
    );
    if (completion.kind !== "normal") return completion;
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

/** `if (test) return a; rest` becomes a choice between `a` and what the rest returns. */
function earlyReturn(
  lowerer: Lowerer,
  node: ts.IfStatement,
  test: Value,
  rest: readonly ts.Statement[],
  scope: Scope,
): Completion {
  const arm = (first: ts.Statement | undefined) => (): Operand => {
    const completion = runList(lowerer, first ? [first, ...rest] : rest, new Scope(scope));
    if (completion.kind === "break" || completion.kind === "continue") return leavesLoop(lowerer, node);
    return completion.kind === "return" ? completion.value : NOTHING;
  };
  return {
    kind: "return",
    value: lowerIf(lowerer, node, test, arm(node.thenStatement), arm(node.elseStatement)),
  };
}

const leavesLoop = (lowerer: Lowerer, node: ts.Node): never =>
  lowerer.refuse(node, "F2C1022", "break or continue on a run-time condition cannot be compiled", {
    hint: "carry a flag, or fold the condition into the loop's own",
  });

function endsFunction(node: ts.Node): boolean {
  let found = false;
  const visit = (n: ts.Node): void => {
    if (ts.isReturnStatement(n)) found = true;
    if (!found && !ts.isFunctionLike(n)) ts.forEachChild(n, visit);
  };
  visit(node);
  return found;
}

const REFUSED: Partial<Record<ts.SyntaxKind, readonly [code: string, what: string, hint: string]>> = {
  [K.TryStatement]: ["F2C1023", "`try`", "a step cannot fail halfway; check values in the plan"],
  [K.ThrowStatement]: ["F2C1024", "`throw`", "check build-time values outside the compiled function"],
  [K.SwitchStatement]: ["F2C1025", "`switch`", "use if/else"],
  [K.ClassDeclaration]: ["F2C1007", "a class", "use functions and records"],
  [K.ForInStatement]: ["F2C1026", "`for..in`", "use for (const [name, value] of Object.entries(x))"],
  [K.LabeledStatement]: ["F2C1027", "a label", "put the inner loop into a function and return from it"],
  [K.DoStatement]: ["F2C1028", "`do..while`", "use while"],
  [K.WithStatement]: ["F2C1002", "`with`", "name the object"],
  [K.EnumDeclaration]: ["F2C1002", "an enum", "declare it outside the compiled function, and capture it"],
  [K.DebuggerStatement]: ["F2C1002", "`debugger`", "f2c-dsl ir shows the program that the function becomes"],
};

function run(lowerer: Lowerer, node: ts.Statement, scope: Scope): Completion {
  switch (node.kind) {
    case K.VariableStatement:
      declareAll(lowerer, (node as ts.VariableStatement).declarationList, scope);
      return NORMAL;
    case K.ExpressionStatement:
      evaluate(lowerer, (node as ts.ExpressionStatement).expression, scope);
      return NORMAL;
    case K.ReturnStatement: {
      const { expression } = node as ts.ReturnStatement;
      return { kind: "return", value: expression ? evaluate(lowerer, expression, scope) : NOTHING };
    }
    case K.Block:
      return runList(lowerer, (node as ts.Block).statements, new Scope(scope));
    case K.IfStatement:
      return ifStatement(lowerer, node as ts.IfStatement, scope);
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
    default: {
      const [code, what, hint] = REFUSED[node.kind] ?? [
        "F2C1002",
        "this statement",
        "docs/language.md lists what compiled functions may contain",
      ];
      return lowerer.refuse(node, code, `${what} cannot be compiled`, { hint });
    }
  }
}

function declareAll(lowerer: Lowerer, declarations: ts.VariableDeclarationList, scope: Scope): void {
  const mutable = !(declarations.flags & ts.NodeFlags.Const);
  if (!(declarations.flags & ts.NodeFlags.BlockScoped))
    lowerer.refuse(declarations, "F2C1029", "`var` cannot be compiled", { hint: "use const or let" });
  for (const { name, initializer } of declarations.declarations) {
    bindPattern(lowerer, name, initializer ? evaluate(lowerer, initializer, scope) : NOTHING, scope, mutable);
  }
}

/** Refuses to assign to a name that the compiled function does not declare; other targets are left to `assignTo`. */
export function refuseCaptured(lowerer: Lowerer, target: ts.Expression, scope: Scope): void {
  const inner = unwrapped(target);
  if (!ts.isIdentifier(inner) || scope.find(inner.text)) return;
  lowerer.refuse(
    inner,
    "F2C2008",
    `\`${inner.text}\` belongs to the code around the compiled function and cannot be assigned here`,
    { hint: "return the value; what one step leaves to the next is state(…)" },
  );
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
    const items = itemsOf(value) ?? notTakenApart(lowerer, inner, value);
    for (const [i, element] of inner.elements.entries())
      assignTo(lowerer, element, items[i] ?? NOTHING, scope);
    return;
  }
  if (ts.isObjectLiteralExpression(inner))
    lowerer.refuse(target, "F2C1002", "an assignment to the names of a record pattern cannot be compiled", {
      hint: "assign each name by itself, or declare new ones: const { a, b } = …",
    });
  lowerer.refuse(
    target,
    "F2C1030",
    "values in a compiled function do not change in place: this assigns to a field or an element",
    { hint: "make a new list or record: [...old, item], { ...old, name: value }" },
  );
}

function ifStatement(lowerer: Lowerer, node: ts.IfStatement, scope: Scope): Completion {
  const test = condition(lowerer, node.expression, scope);
  const { thenStatement, elseStatement } = node;
  if (typeof test === "boolean") {
    const taken = test ? thenStatement : elseStatement;
    return taken ? runList(lowerer, [taken], scope) : NORMAL;
  }
  const arm = (statement: ts.Statement | undefined) => (): Operand => {
    const completion = statement ? runList(lowerer, [statement], new Scope(scope)) : NORMAL;
    return completion.kind === "normal" ? NOTHING : leavesLoop(lowerer, statement!);
  };
  lowerIf(lowerer, node, test, arm(thenStatement), arm(elseStatement));
  return NORMAL;
}

/** One turn of an unrolled loop. True: the loop is over. */
function turn(lowerer: Lowerer, body: ts.Statement, scope: Scope): Completion | undefined {
  const completion = runList(lowerer, [body], scope);
  if (completion.kind === "break") return NORMAL;
  return completion.kind === "return" ? completion : undefined;
}

function forOf(lowerer: Lowerer, node: ts.ForOfStatement, scope: Scope): Completion {
  if (node.awaitModifier)
    lowerer.refuse(node, "F2C1003", "`for await` cannot be compiled", {
      hint: "nothing is waited for in a compiled function; wait outside, in the experiment",
    });
  const over = evaluate(lowerer, node.expression, scope);
  const items =
    itemsOf(over) ??
    iterate(over) ??
    (over.kind === "static" || over.kind === "record"
      ? notLoopedOver(lowerer, node.expression, over)
      : undefined) ??
    lowerer.refuse(
      node.expression,
      "F2C1031",
      `for..of over ${describe(over)}: its length is not known when the program is built`,
      { hint: "loop over a build-time list; over rows of a tensor, use the ops on the whole tensor" },
    );
  if (items.length > MAX_UNROLL)
    lowerer.refuse(node, "F2C1032", `a loop of ${items.length} turns would be written out in the program`, {
      hint: "loop with a run-time bound, or work on a whole tensor",
    });
  for (const item of items) {
    const inner = new Scope(scope);
    if (ts.isVariableDeclarationList(node.initializer)) {
      bindPattern(lowerer, node.initializer.declarations[0]!.name, item, inner, true);
    } else {
      assignTo(lowerer, node.initializer, item, scope);
    }
    const end = turn(lowerer, node.statement, inner);
    if (end) return end;
  }
  return NORMAL;
}

const iterate = (operand: Operand): readonly Operand[] | undefined =>
  operand.kind === "static" &&
  operand.value !== null &&
  operand.value !== undefined &&
  Symbol.iterator in Object(operand.value)
    ? Array.from(operand.value as Iterable<unknown>, fixed)
    : undefined;

const notLoopedOver = (lowerer: Lowerer, node: ts.Node, over: Operand): never =>
  lowerer.refuse(node, "F2C1016", `${describe(over)} cannot be looped over`, {
    hint: "loop over a list; over a record, use Object.entries(record)",
  });

function forLoop(lowerer: Lowerer, node: ts.ForStatement, scope: Scope): Completion {
  const inner = new Scope(scope);
  if (node.initializer && ts.isVariableDeclarationList(node.initializer))
    declareAll(lowerer, node.initializer, inner);
  else if (node.initializer) evaluate(lowerer, node.initializer, inner);

  const counted = countedLoop(lowerer, node, inner);
  if (counted) {
    const { counter, from, count } = counted;
    const assigned = assignedIn(node.statement, inner).filter((b) => b !== counter);
    lowerFor(lowerer, node, count, assigned, (index) => {
      const offset =
        isStatic(from) && staticValue(from) === 0
          ? index
          : scalarOp(lowerer, node, "scalar_add", index, lowerer.scalar(from, node, true));
      const body = new Scope(inner);
      body.declare(counter.name, dynamic(offset), false, node);
      normally(lowerer, node, runList(lowerer, [node.statement], body));
    });
    return NORMAL;
  }
  return conditional(lowerer, node, node.condition, node.statement, node.incrementor, inner);
}

/** `for (let i = a; i < n; i++)` with a run-time `n`. */
function countedLoop(
  lowerer: Lowerer,
  node: ts.ForStatement,
  scope: Scope,
): { counter: Binding; from: Operand; count: Value } | undefined {
  const test = node.condition;
  const step = node.incrementor;
  const increments =
    step &&
    (ts.isPostfixUnaryExpression(step) || ts.isPrefixUnaryExpression(step)) &&
    step.operator === K.PlusPlusToken &&
    ts.isIdentifier(step.operand);
  if (!increments || !test || !ts.isBinaryExpression(test) || !ts.isIdentifier(test.left)) return undefined;
  const inclusive = test.operatorToken.kind === K.LessThanEqualsToken;
  if (!inclusive && test.operatorToken.kind !== K.LessThanToken) return undefined;
  const counter = scope.find(test.left.text);
  if (!counter || counter.name !== (step.operand as ts.Identifier).text) return undefined;
  const limit = evaluate(lowerer, test.right, scope);
  if (isStatic(limit) || limit.kind !== "value" || limit.value.type.kind !== "scalar") return undefined;
  const from = counter.current;
  const span = applyBinary(lowerer, test, K.MinusToken, limit, from);
  const whole = inclusive ? applyBinary(lowerer, test, K.PlusToken, span, fixed(1)) : span;
  return { counter, from, count: turns(lowerer, test, lowerer.scalar(whole, test), inclusive) };
}

/** The number of turns as an i64: the ceiling of a real span, its floor where the limit itself counts. */
function turns(lowerer: Lowerer, node: ts.Node, span: Value, floor: boolean): Value {
  if (span.type.kind === "scalar" && span.type.scalar === "i64") return span;
  const one = (op: string, v: Value) => lowerer.emit(node, op, [v])[0]!;
  const rounded = floor
    ? one("scalar_floor", span)
    : one("scalar_neg", one("scalar_floor", one("scalar_neg", span)));
  return one("scalar_to_i64", rounded);
}

function whileLoop(lowerer: Lowerer, node: ts.WhileStatement, scope: Scope): Completion {
  return conditional(lowerer, node, node.expression, node.statement, undefined, scope);
}

/** A loop on a condition: unrolled as long as the condition is known now, a region from where it is not. */
function conditional(
  lowerer: Lowerer,
  node: ts.Statement,
  test: ts.Expression | undefined,
  body: ts.Statement,
  step: ts.Expression | undefined,
  scope: Scope,
): Completion {
  for (let turns = 0; turns <= MAX_UNROLL; turns++) {
    const ask = () => (test ? condition(lowerer, test, scope) : true);
    const answer = ask();
    if (answer === false) return NORMAL;
    if (answer !== true) {
      const assigned = assignedIn(node, scope);
      lowerWhile(lowerer, node, assigned, ask, () => {
        normally(lowerer, node, runList(lowerer, [body], new Scope(scope)));
        if (step) evaluate(lowerer, step, scope);
      });
      return NORMAL;
    }
    const end = turn(lowerer, body, new Scope(scope));
    if (end) return end;
    if (step) evaluate(lowerer, step, scope);
  }
  return lowerer.refuse(
    node,
    "F2C1032",
    `a loop of more than ${MAX_UNROLL} turns would be written out in the program`,
    { hint: "check its condition; a run-time bound makes it a loop of the program" },
  );
}

function normally(lowerer: Lowerer, node: ts.Node, completion: Completion): void {
  if (completion.kind === "return")
    lowerer.refuse(node, "F2C1033", "return inside a loop with a run-time bound cannot be compiled", {
      hint: "carry the result in a variable",
    });
  if (completion.kind !== "normal") leavesLoop(lowerer, node);
}

/** Variables declared outside `node` that something in it assigns to. */
function assignedIn(node: ts.Node, scope: Scope): Binding[] {
  const found = new Set<Binding>();
  const target = (t: ts.Node): void => {
    if (ts.isIdentifier(t)) {
      const binding = scope.find(t.text);
      if (binding) found.add(binding);
    } else if (ts.isArrayLiteralExpression(t)) t.elements.forEach(target);
  };
  const visit = (n: ts.Node): void => {
    if (
      ts.isBinaryExpression(n) &&
      n.operatorToken.kind >= K.FirstAssignment &&
      n.operatorToken.kind <= K.LastAssignment
    )
      target(n.left);
    if (
      (ts.isPrefixUnaryExpression(n) || ts.isPostfixUnaryExpression(n)) &&
      (n.operator === K.PlusPlusToken || n.operator === K.MinusMinusToken)
    )
      target(n.operand);
    ts.forEachChild(n, visit);
  };
  visit(node);
  return [...found];
}
