/** @file Control flow: choices known now leave no trace; run-time ones become regions whose results join what the arms made. */

import type { OpenRegion } from "../../build/function-builder.js";
import { printDim } from "../../ir/dim.js";
import { type ScalarType, type Value, walkOps } from "../../ir/module.js";
import { printType } from "../../ir/print-type.js";
import { specOf } from "../../registry/index.js";
import { ts } from "../typescript.js";
import { evaluate, unwrapped } from "./expressions.js";
import { AlreadyRefused, type Lowerer } from "./lowerer.js";
import {
  dynamic,
  fixed,
  inOrderOf,
  isStatic,
  joinedOf,
  leavesOf,
  list,
  type Operand,
  rebuild,
  record,
  sameStructure,
  staticValue,
} from "./operand.js";
import { isSame, truth } from "./operators.js";
import { fieldsOf, itemsOf } from "./patterns.js";
import type { Binding, Scope } from "./scope.js";
import { assignmentTo } from "./statements.js";
import { called, describe, shortly, subject } from "./words.js";

const K = ts.SyntaxKind;

/** A condition as a build-time boolean or a run-time one; tensors are refused. */
export function condition(lowerer: Lowerer, node: ts.Expression, scope: Scope): boolean | Value {
  const value = evaluate(lowerer, node, scope);
  if (isStatic(value)) return Boolean(staticValue(value));
  if (value.kind === "value") {
    const { type } = value.value;
    if (type.kind === "scalar") return truth(lowerer, node, value.value);
    return refuseCondition(lowerer, node, value);
  }
  return true;
}

/** Refuses to decide on a tensor. */
function refuseCondition(lowerer: Lowerer, node: ts.Expression, value: Operand): never {
  const decides = outermost(node).parent;
  const tensor = subject(node, value);
  if (ts.isWhileStatement(decides) || ts.isForStatement(decides))
    return lowerer.refuse(node, "condition-on-tensor.loop", tensor);
  if (ts.isBinaryExpression(decides))
    return lowerer.refuse(node, "condition-on-tensor.logical", {
      ...tensor,
      method: decides.operatorToken.kind === K.BarBarToken ? "or" : "and",
    });
  return lowerer.refuse(node, "condition-on-tensor", tensor);
}

/** The parentheses and type assertions around an expression, or itself. */
function outermost(node: ts.Node): ts.Node {
  const { parent } = node;
  return ts.isExpression(parent) && unwrapped(parent) === unwrapped(node as ts.Expression)
    ? outermost(parent)
    : node;
}

/** Whether an expression decides an `if`, a loop, a `?:` or the like. */
export function isCondition(node: ts.Expression): boolean {
  const whole = outermost(node);
  const { parent } = whole;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent)) return parent.expression === whole;
  if (ts.isConditionalExpression(parent) || ts.isForStatement(parent)) return parent.condition === whole;
  return false;
}

interface Arm {
  readonly region: OpenRegion;
  readonly result: Operand;
  readonly assigned: Map<Binding, Operand>;
}

const arm = (lowerer: Lowerer, body: () => Operand): Arm => {
  const { region, result } = lowerer.builder.region([], () => lowerer.branch(body));
  return { region, result: result.result, assigned: result.assigned };
};

/** Lowers a run-time choice. Returns what the chosen arm evaluates to; variables that the arms assign are joined. */
export function lowerIf(
  lowerer: Lowerer,
  node: ts.Node,
  test: Value,
  then: () => Operand,
  otherwise: () => Operand,
): Operand {
  const [a, b] = [arm(lowerer, then), arm(lowerer, otherwise)];
  const bindings = [...new Set([...a.assigned.keys(), ...b.assigned.keys()])];
  const pairs: [string, Operand, Operand][] = [
    ["the result", a.result, b.result],
    ...bindings.map((v): [string, Operand, Operand] => [
      `\`${v.name}\``,
      a.assigned.get(v) ?? v.current,
      b.assigned.get(v) ?? v.current,
    ]),
  ];
  const yields: { a: Value; b: Value; name: string }[] = [];
  const joined = pairs.map(([what, x, y]) =>
    joinOperands(lowerer, node, what, x, y, a.region, b.region, yields),
  );
  const at = lowerer.locate(node);
  const regions = [
    lowerer.builder.finish(
      a.region,
      yields.map((y) => y.a),
      at,
    ),
    lowerer.builder.finish(
      b.region,
      yields.map((y) => y.b),
      at,
    ),
  ];
  const results = lowerer.builder.structured(
    "if",
    [test],
    regions,
    yields.map((y) => y.a.type),
    at,
  );
  const filled = joined.map((join) => fill(join, results));
  bindings.forEach((binding, i) => {
    name(lowerer, filled[i + 1]!, binding.name);
    lowerer.assign(binding, filled[i + 1]!);
  });
  return filled[0]!;
}

const name = (lowerer: Lowerer, operand: Operand, as: string) => {
  if (operand.kind === "value") lowerer.builder.rename(operand.value, as);
};

/** A list or a record that is known now, as one whose parts may be replaced by others. */
function opened(lowerer: Lowerer, operand: Operand): Operand {
  const isPlain =
    operand.kind === "static" &&
    typeof operand.value === "object" &&
    operand.value !== null &&
    (Array.isArray(operand.value) || Object.getPrototypeOf(operand.value) === Object.prototype);
  if (operand.kind !== "list" && operand.kind !== "record" && !isPlain) return operand;
  const part = (o: Operand) => opened(lowerer, o.kind === "static" ? lowerer.wrap(o.value) : o);
  const items = itemsOf(lowerer, operand);
  if (items) return list(items.map(part));
  return record([...fieldsOf(lowerer, operand)!].map(([name, field]) => [name, part(field)] as const));
}

/** A joined operand whose run-time leaves are numbers into the list of yields. */
type Join = { readonly shape: Operand; readonly leaves: readonly (Operand | number)[] };

/** What both arms left as it was is that still: the same list, the same record. */
function fill(join: Join, results: readonly Value[]): Operand {
  const before = leavesOf(join.shape);
  if (join.leaves.every((leaf, i) => leaf === before[i])) return join.shape;
  const leaves = join.leaves.map((leaf) => (typeof leaf === "number" ? dynamic(results[leaf]!) : leaf));
  return joinedOf(rebuild(join.shape, leaves));
}

/** Whether two leaves are one value. */
const isSameLeaf = (a: Operand, b: Operand): boolean =>
  (a.kind === "static" && b.kind === "static" && Object.is(a.value, b.value)) ||
  (a.kind === "value" && b.kind === "value" && a.value === b.value) ||
  isSame(a, b);

function joinOperands(
  lowerer: Lowerer,
  node: ts.Node,
  what: string,
  x: Operand,
  y: Operand,
  a: OpenRegion,
  b: OpenRegion,
  yields: { a: Value; b: Value; name: string }[],
): Join {
  if (x.kind === "hole" && y.kind === "hole") return { shape: x, leaves: [x] };
  const filled = (hole: Operand, other: Operand, region: OpenRegion) =>
    hole.kind === "hole" ? lowerer.builder.reopen(region, () => zerosLike(lowerer, node, other)) : hole;
  [x, y] = [filled(x, y, a), filled(y, x, b)];
  const poison = [...leavesOf(x), ...leavesOf(y)].find((leaf) => leaf.kind === "poison");
  if (poison) return { shape: poison, leaves: [poison] };
  if (isSameLeaf(x, y)) return { shape: x, leaves: leavesOf(x) };
  [x, y] = [opened(lowerer, x), opened(lowerer, y)];
  if (!sameStructure(x, y)) disagree(lowerer, node, what, describe(x), describe(y));
  const ys = leavesOf(inOrderOf(x, y));
  const leaves = leavesOf(x).map((left, i) => {
    const right = ys[i]!;
    if (isSameLeaf(left, right)) return left;
    if (left.kind !== "value" && right.kind !== "value" && !(isNumber(left) && isNumber(right)))
      disagree(lowerer, node, what, describe(left), describe(right));
    const wish = [left, right].some(isReal) ? "f64" : (scalarKind(left) ?? scalarKind(right));
    const [u, v] = [asValue(lowerer, node, left, a, wish), asValue(lowerer, node, right, b, wish)];
    if (!u || !v || printType(u.type) !== printType(v.type))
      disagree(lowerer, node, what, describe(left), describe(right));
    yields.push({ a: u!, b: v!, name: what });
    return yields.length - 1;
  });
  return { shape: x, leaves };
}

/** Something of the same structure and types, for where its values do not matter: zeros. */
export function zerosLike(lowerer: Lowerer, node: ts.Node, operand: Operand): Operand {
  const leaves = leavesOf(operand).map((leaf): Operand => {
    if (leaf.kind !== "value") return leaf;
    const { type } = leaf.value;
    if (type.kind === "scalar")
      return dynamic(lowerer.scalar(fixed(type.scalar === "bool" ? false : 0), node, type.scalar === "i64"));
    if (type.kind === "tensor" && type.dims.every((d) => typeof d === "number"))
      return dynamic(lowerer.emit(node, "full", [], { shape: type.dims, value: 0, dtype: type.dtype })[0]!);
    const open = type.kind === "tensor" ? type.dims.find((d) => typeof d !== "number") : undefined;
    return lowerer.refuse(returnIn(node) ?? node, "return-of-open-size", {
      operand: describe(leaf),
      size: open === undefined ? "it" : printDim(open),
    });
  });
  return rebuild(operand, leaves);
}

/** The first `return` in a statement. */
function returnIn(node: ts.Node): ts.Node | undefined {
  const visit = (n: ts.Node): ts.Node | undefined =>
    ts.isReturnStatement(n) ? n : ts.isFunctionLike(n) ? undefined : ts.forEachChild(n, visit);
  return visit(node);
}

/** Refuses to join what the two arms of a choice made: `a` where its condition holds, `b` where not. */
function disagree(lowerer: Lowerer, node: ts.Node, what: string, a: string, b: string): never {
  const name = /^`(.*)`$/.exec(what)?.[1];
  const test = ts.isIfStatement(node)
    ? node.expression
    : ts.isConditionalExpression(node)
      ? node.condition
      : undefined;
  const holds = test && called(test) !== "this" ? `where ${called(test)} holds` : "where the condition holds";
  const at = name === undefined ? node : (assignmentTo(node, name) ?? node);
  return lowerer.refuse(at, name === undefined ? "branches-disagree" : "branches-disagree.variable", {
    what,
    one: a,
    condition: holds,
    other: b,
  });
}

const isNumber = (o: Operand) =>
  o.kind === "static" && (typeof o.value === "number" || typeof o.value === "boolean");
const isReal = (o: Operand) =>
  scalarKind(o) === "f64" ||
  (isNumber(o) && typeof staticValue(o) === "number" && !Number.isInteger(staticValue(o)));
const scalarKind = (o: Operand): ScalarType | undefined =>
  o.kind === "value" && o.value.type.kind === "scalar" ? o.value.type.scalar : undefined;

/** An operand as a value inside a region: numbers become constants of the wished kind. */
function asValue(
  lowerer: Lowerer,
  node: ts.Node,
  operand: Operand,
  region: OpenRegion,
  wish: ScalarType | undefined,
): Value | undefined {
  return lowerer.builder.reopen(region, () => {
    if (operand.kind === "value") {
      const isInt = scalarKind(operand) === "i64";
      return isInt && wish === "f64"
        ? lowerer.emit(node, "scalar_to_f64", [operand.value])[0]
        : operand.value;
    }
    return isNumber(operand) ? lowerer.scalar(operand, node, wish === "i64") : undefined;
  });
}

/** `a ? b : c`. */
export function choose(lowerer: Lowerer, node: ts.ConditionalExpression, scope: Scope): Operand {
  const test = condition(lowerer, node.condition, scope);
  if (typeof test === "boolean") return evaluate(lowerer, test ? node.whenTrue : node.whenFalse, scope);
  return lowerIf(
    lowerer,
    node,
    test,
    () => evaluate(lowerer, node.whenTrue, scope),
    () => evaluate(lowerer, node.whenFalse, scope),
  );
}

/** An operator whose right side may not be evaluated. */
export type ShortCircuit =
  | ts.SyntaxKind.AmpersandAmpersandToken
  | ts.SyntaxKind.BarBarToken
  | ts.SyntaxKind.QuestionQuestionToken;

/** `&&`, `||`, `??`: the right side is evaluated only where it counts. */
export function shortCircuit(
  lowerer: Lowerer,
  node: ts.BinaryExpression,
  operator: ShortCircuit,
  scope: Scope,
): Operand {
  const left = evaluate(lowerer, node.left, scope);
  if (operator === K.QuestionQuestionToken) {
    const absent = left.kind === "static" && (left.value === null || left.value === undefined);
    return absent ? evaluate(lowerer, node.right, scope) : left;
  }
  const and = operator === K.AmpersandAmpersandToken;
  if (isStatic(left)) return Boolean(staticValue(left)) === and ? evaluate(lowerer, node.right, scope) : left;
  if (scalarKind(left) !== "bool") {
    if (left.kind !== "value") return and ? evaluate(lowerer, node.right, scope) : left;
    if (scalarKind(left) !== undefined)
      return lowerer.refuse(node.left, "wrong-kind.boolean", {
        ...subject(node.left, left),
        written: shortly(node.left, "x"),
      });
    return refuseCondition(lowerer, node.left, left);
  }
  const test = (left as { value: Value }).value;
  const right = () => evaluate(lowerer, node.right, scope);
  return and
    ? lowerIf(lowerer, node, test, right, () => fixed(false))
    : lowerIf(lowerer, node, test, () => fixed(true), right);
}

/** Lowers `body` into a region of its own: one that records no gradient, or one that is computed again for it. */
export function regionOf(
  lowerer: Lowerer,
  node: ts.Node,
  op: "no_grad" | "remat",
  body: () => Operand,
): Operand {
  const { region, result, assigned } = arm(lowerer, body);
  const at = lowerer.locate(node);
  const yields: Value[] = [];
  const hoist = (operand: Operand): Join => ({
    shape: operand,
    leaves: leavesOf(operand).map((leaf) => (leaf.kind === "value" ? yields.push(leaf.value) - 1 : leaf)),
  });
  const joins = [hoist(result), ...[...assigned.values()].map(hoist)];
  if (op === "remat") refuseOnce(lowerer, node, region);
  const finished = lowerer.builder.finish(region, yields, at);
  const results = lowerer.builder.structured(
    op,
    [],
    [finished],
    yields.map((v) => v.type),
    at,
  );
  const [value, ...rest] = joins.map((join) => fill(join, results));
  for (const [i, binding] of [...assigned.keys()].entries()) lowerer.assign(binding, rest[i]!);
  return value!;
}

/** What may be computed once only has no place in a region that is computed twice. */
function refuseOnce(lowerer: Lowerer, node: ts.Node, region: OpenRegion): void {
  for (const op of walkOps(region)) {
    const { effect } = specOf(op);
    if (effect !== "rng" && effect !== "write") continue;
    const { path, start, end } = op.location;
    lowerer.refuse(
      ts.isCallExpression(node) ? node.expression : node,
      effect === "rng" ? "remat-once.draws" : "remat-once.writes",
      { op: op.op },
      { related: [{ message: `${op.op} is here`, span: { path, start, end } }] },
    );
  }
}

/** Variables that a run-time loop carries from turn to turn. */
interface Carried {
  readonly binding: Binding;
  /** What it is before the loop. */
  readonly shape: Operand;
  /** Its leaves as values; none for one that no turn may change: a string, a function, a module. */
  readonly initial: readonly (Value | undefined)[];
}

/** What a loop is lowered with, and what is found while it is. */
class Carrying {
  /** Variables that a turn assigned. */
  readonly assigned = new Set<Binding>();
  /** Variables that are whole numbers before the loop and others after a turn. */
  readonly real = new Set<Binding>();
  constructor(readonly carried: readonly Carried[]) {}

  get initial(): readonly Value[] {
    return this.carried.flatMap((c) => c.initial.filter((v) => v !== undefined));
  }
  get args() {
    return this.carried.flatMap((c) =>
      c.initial.flatMap((v) => (v ? [{ name: c.binding.name, type: v.type }] : [])),
    );
  }
}

/** A region that is lowered with `body` as a turn; what it assigns is noted. */
function turnOf<T>(
  lowerer: Lowerer,
  carrying: Carrying,
  first: readonly { name: string; type: Value["type"] }[],
  body: (first: readonly Value[], args: readonly Value[]) => T,
): { region: OpenRegion; result: T } {
  const { region, result } = lowerer.builder.region([...first, ...carrying.args], (args) =>
    lowerer.branch(() => body(args.slice(0, first.length), args.slice(first.length))),
  );
  for (const binding of result.assigned.keys()) carrying.assigned.add(binding);
  return { region, result: result.result };
}

/**
 * Lowers a loop that carries `bindings`: as often as its turns are found to assign others, in functions that they call. What
 * was lowered before is thrown away.
 */
function carry<T>(
  lowerer: Lowerer,
  node: ts.Node,
  bindings: readonly Binding[],
  lower: (carrying: Carrying) => T,
): { carrying: Carrying; result: T } {
  const names = new Set(bindings);
  const real = new Set<Binding>();
  for (;;) {
    const carrying = new Carrying(carriedOf(lowerer, node, [...names], real));
    const result = lower(carrying);
    const more = [...carrying.assigned].filter((b) => !names.has(b) && !b.hidden);
    const wider = [...carrying.real].filter((b) => !real.has(b));
    if (more.length + wider.length === 0) return { carrying, result };
    for (const binding of more) names.add(binding);
    for (const binding of wider) real.add(binding);
  }
}

function carriedOf(
  lowerer: Lowerer,
  node: ts.Node,
  bindings: readonly Binding[],
  real: ReadonlySet<Binding>,
): Carried[] {
  return bindings.map((binding) => {
    const shape = opened(lowerer, binding.current);
    const initial = leavesOf(shape).map((leaf) => {
      if (leaf.kind === "value")
        return real.has(binding) && scalarKind(leaf) === "i64"
          ? lowerer.emit(node, "scalar_to_f64", [leaf.value])[0]!
          : leaf.value;
      if (isNumber(leaf)) return lowerer.scalar(leaf, node);
      if (leaf.kind === "poison") throw new AlreadyRefused();
      return undefined;
    });
    return { binding, shape, initial };
  });
}

function loopBody(
  lowerer: Lowerer,
  node: ts.Node,
  carrying: Carrying,
  args: readonly Value[],
  body: () => void,
): readonly Value[] {
  bindCarried(lowerer, carrying.carried, args);
  body();
  return carrying.carried.flatMap(({ binding, shape, initial }) => {
    const current = opened(lowerer, binding.current);
    const changed = (before: string, after: string): never =>
      lowerer.refuse(assignmentTo(node, binding.name) ?? node, "loop-changes-type", {
        name: binding.name,
        before,
        after,
      });
    const unset = (): never =>
      lowerer.refuse(assignmentTo(node, binding.name) ?? node, "loop-changes-type.unset", {
        name: binding.name,
        before: describe(shape),
      });
    const isUnset = shape.kind === "static" && (shape.value === undefined || shape.value === null);
    if (isUnset && !isSameLeaf(shape, current)) unset();
    if (!sameStructure(shape, current)) changed(describe(shape), describe(current));
    const first = leavesOf(shape);
    return leavesOf(inOrderOf(shape, current)).flatMap((leaf, i): Value[] => {
      const before = initial[i];
      if (leaf.kind === "poison") throw new AlreadyRefused();
      if (!before) return isSameLeaf(first[i]!, leaf) ? [] : changed(describe(first[i]!), describe(leaf));
      if (leaf.kind !== "value" && !isNumber(leaf)) changed(printType(before.type), describe(leaf));
      const [was, is] = [printType(before.type), isReal(leaf) ? "f64" : scalarKind(leaf)];
      if (was === "i64" && is === "f64") {
        carrying.real.add(binding);
        return [before];
      }
      let after = leaf.kind === "value" ? leaf.value : lowerer.scalar(leaf, node, was === "i64");
      if (was === "f64" && printType(after.type) === "i64")
        after = lowerer.emit(node, "scalar_to_f64", [after])[0]!;
      if (was !== printType(after.type)) changed(was, printType(after.type));
      return [after];
    });
  });
}

/** Lets values stand for carried variables. */
function bindCarried(lowerer: Lowerer, carried: readonly Carried[], values: readonly Value[]): void {
  const rest = [...values];
  for (const { binding, shape, initial } of carried) {
    const first = leavesOf(shape);
    const leaves = initial.map((v, i) => (v ? dynamic(rest.shift()!) : first[i]!));
    const value = joinedOf(rebuild(shape, leaves));
    name(lowerer, value, binding.name);
    lowerer.assign(binding, value);
  }
}

/** What `body` gives in a loop that carries `bindings`, lowered into a region that is thrown away. */
export function onTrial<T>(lowerer: Lowerer, node: ts.Node, bindings: readonly Binding[], body: () => T): T {
  return carry(lowerer, node, bindings, (carrying) => {
    const trial = turnOf(lowerer, carrying, [], (_, args) => {
      bindCarried(lowerer, carrying.carried, args);
      return body();
    });
    return trial.result;
  }).result;
}

/** A loop of `count` turns, known only at run time. `body` gets the turn's number. */
export function lowerFor(
  lowerer: Lowerer,
  node: ts.Node,
  count: Value,
  assigned: readonly Binding[],
  body: (index: Value) => void,
): void {
  const at = lowerer.locate(node);
  const index = { name: "index", type: { kind: "scalar", scalar: "i64" } as const };
  const { carrying, result } = carry(lowerer, node, assigned, (c) =>
    turnOf(lowerer, c, [index], ([i], args) => loopBody(lowerer, node, c, args, () => body(i!))),
  );
  const { carried, initial } = carrying;
  const finished = lowerer.builder.finish(result.region, result.result, at);
  const types = initial.map((v) => v.type);
  const values = lowerer.builder.structured("for", [count, ...initial], [finished], types, at);
  bindCarried(lowerer, carried, values);
}

/** A loop that ends when a run-time condition fails; the condition writes and assigns nothing. */
export function lowerWhile(
  lowerer: Lowerer,
  node: ts.Node,
  assigned: readonly Binding[],
  test: () => boolean | Value,
  body: () => void,
): void {
  const at = lowerer.locate(node);
  const { carrying, result } = carry(lowerer, node, assigned, (c) => {
    const asked = turnOf(lowerer, c, [], (_, args) => {
      bindCarried(lowerer, c.carried, args);
      const answer = test();
      return typeof answer === "boolean" ? lowerer.scalar(fixed(answer), node) : answer;
    });
    const turn = turnOf(lowerer, c, [], (_, args) => loopBody(lowerer, node, c, args, body));
    return { asked, turn };
  });
  const { carried, initial } = carrying;
  const regions = [
    lowerer.builder.finish(result.asked.region, [result.asked.result], at),
    lowerer.builder.finish(result.turn.region, result.turn.result, at),
  ];
  const types = initial.map((v) => v.type);
  bindCarried(lowerer, carried, lowerer.builder.structured("while", initial, regions, types, at));
}
