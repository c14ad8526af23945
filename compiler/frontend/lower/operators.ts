/** @file Operators on scalars. Between build-time values they are JavaScript's own; with a run-time one they become ops. */

import type { PlainName } from "../../diagnostics/catalogue.js";
import type { Value } from "../../ir/module.js";
import type { OpName } from "../../ir/op-name.js";
import { OPS } from "../../registry/index.js";
import { ts } from "../typescript.js";
import { isCondition } from "./control.js";
import { refuseString, unwrapped } from "./expressions.js";
import type { Lowerer } from "./lowerer.js";
import { dynamic, fixed, isJoined, isStatic, type Operand, staticValue } from "./operand.js";
import { called, shortly, subject } from "./words.js";

const K = ts.SyntaxKind;

/** An operator: its op for run-time scalars, the tensor method to use instead, and what it does to build-time values. */
interface Operator {
  readonly op: OpName;
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: JavaScript's operators take anything
  readonly compute: (a: any, b: any) => unknown;
}

const OPERATORS: Partial<Record<ts.SyntaxKind, Operator>> = {
  [K.PlusToken]: { op: "scalar_add", method: "add", compute: (a, b) => a + b },
  [K.MinusToken]: { op: "scalar_sub", method: "sub", compute: (a, b) => a - b },
  [K.AsteriskToken]: { op: "scalar_mul", method: "mul", compute: (a, b) => a * b },
  [K.SlashToken]: { op: "scalar_div", method: "div", compute: (a, b) => a / b },
  [K.PercentToken]: { op: "scalar_mod", method: "remainder", compute: (a, b) => a % b },
  [K.AsteriskAsteriskToken]: { op: "scalar_pow", method: "pow", compute: (a, b) => a ** b },
  [K.LessThanToken]: { op: "scalar_lt", method: "lt", compute: (a, b) => a < b },
  [K.LessThanEqualsToken]: { op: "scalar_le", method: "le", compute: (a, b) => a <= b },
  [K.GreaterThanToken]: { op: "scalar_gt", method: "gt", compute: (a, b) => a > b },
  [K.GreaterThanEqualsToken]: { op: "scalar_ge", method: "ge", compute: (a, b) => a >= b },
  [K.EqualsEqualsEqualsToken]: { op: "scalar_eq", method: "eq", compute: (a, b) => a === b },
  // biome-ignore lint/suspicious/noDoubleEquals: it is this operator that is computed
  [K.EqualsEqualsToken]: { op: "scalar_eq", method: "eq", compute: (a, b) => a == b },
  [K.ExclamationEqualsEqualsToken]: { op: "scalar_ne", method: "ne", compute: (a, b) => a !== b },
  // biome-ignore lint/suspicious/noDoubleEquals: it is this operator that is computed
  [K.ExclamationEqualsToken]: { op: "scalar_ne", method: "ne", compute: (a, b) => a != b },
};
const REFUSED: Partial<Record<ts.SyntaxKind, PlainName>> = {
  [K.InKeyword]: "unsupported-syntax.in",
  [K.InstanceOfKeyword]: "unsupported-syntax.instanceof",
};
const EQUALITY: ReadonlySet<OpName> = new Set<OpName>(["scalar_eq", "scalar_ne"]);

export function applyBinary(
  lowerer: Lowerer,
  node: ts.Expression,
  kind: ts.SyntaxKind,
  a: Operand,
  b: Operand,
): Operand {
  const operator = OPERATORS[kind];
  if (!operator) return refuseOperator(lowerer, node, kind);
  if (EQUALITY.has(operator.op) && isSame(a, b)) return fixed(operator.op === "scalar_eq");
  if (EQUALITY.has(operator.op) && a.kind === b.kind && (a.kind === "list" || a.kind === "record"))
    if (isJoined(a) || isJoined(b)) refuseIdentity(lowerer, node);
  if (isStatic(a) && isStatic(b)) return fixed(operator.compute(staticValue(a), staticValue(b)));
  // Whether a value is there at all is known now, whatever it will be.
  if (EQUALITY.has(operator.op) && (isAbsent(a) || isAbsent(b))) return fixed(operator.op === "scalar_ne");
  for (const [i, side] of [a, b].entries()) {
    if (kind === K.PlusToken && side.kind === "static" && typeof side.value === "string")
      refuseString(lowerer, sidesOf(node)[1 - i] ?? node, [b, a][i]!);
    if (side.kind === "value" && side.value.type.kind === "tensor") {
      lowerer.refuse(
        node,
        "operator-on-tensor",
        {
          operator: ts.tokenToString(kind) ?? "",
          kinds: "numbers",
          ...subject(sidesOf(node)[i] ?? node, side),
        },
        {
          hint: ts.isBinaryExpression(node)
            ? insteadOfOperator(node, node.operatorToken.kind, i)!.hint
            : methodInstead(node, i, operator.method),
        },
      );
    }
  }
  if (EQUALITY.has(operator.op) && (isReference(a) || isReference(b))) {
    return fixed(operator.op === "scalar_ne");
  }
  const [left = node, right = node] = sidesOf(node);
  if (EQUALITY.has(operator.op) && isBoolean(a) !== isBoolean(b)) {
    if (kind === K.EqualsEqualsEqualsToken || kind === K.ExclamationEqualsEqualsToken)
      return fixed(operator.op === "scalar_ne");
    notBoolean(lowerer, isBoolean(a) ? left : right, isBoolean(a) ? a : b);
  }
  const scalar = EQUALITY.has(operator.op) ? lowerer.scalar.bind(lowerer) : numberOf.bind(undefined, lowerer);
  const [x, y] = [scalar(a, left), scalar(b, right)];
  return dynamic(scalarOp(lowerer, node, operator.op, x, y));
}

/** The operators that assign what they compute. */
export const COMPOUND: Partial<Record<ts.SyntaxKind, ts.SyntaxKind>> = {
  [K.PlusEqualsToken]: K.PlusToken,
  [K.MinusEqualsToken]: K.MinusToken,
  [K.AsteriskEqualsToken]: K.AsteriskToken,
  [K.SlashEqualsToken]: K.SlashToken,
  [K.PercentEqualsToken]: K.PercentToken,
  [K.AsteriskAsteriskEqualsToken]: K.AsteriskAsteriskToken,
};

const COMPARISONS = new Set(["lt", "le", "gt", "ge", "eq", "ne"]);

/** The two sides of an operator. */
const sidesOf = (node: ts.Expression): readonly ts.Expression[] =>
  ts.isBinaryExpression(node) ? [node.left, node.right] : [];

const methodWritten = (node: ts.Expression, tensor: number, method: string): string =>
  /: (.*)$/.exec(methodInstead(node, tensor, method))?.[1] ?? "condition";

/** Refuses an operator that has no counterpart on the device, at the operator. */
function refuseOperator(lowerer: Lowerer, node: ts.Expression, kind: ts.SyntaxKind): never {
  const token = ts.isBinaryExpression(node) ? node.operatorToken : node;
  const own = REFUSED[kind];
  return own === undefined
    ? lowerer.refuse(token, "unsupported-syntax.operator", { operator: ts.tokenToString(kind) ?? "" })
    : lowerer.refuse(token, own, {});
}

/** An operator that a tensor is a side of: its sign, what it is for, and what to write instead. */
export function insteadOfOperator(
  node: ts.BinaryExpression | ts.PrefixUnaryExpression,
  kind: ts.SyntaxKind,
  tensor: number,
): { readonly operator: string; readonly kinds: string; readonly hint: string } | undefined {
  const operator = ts.tokenToString(kind) ?? "";
  if (ts.isPrefixUnaryExpression(node)) {
    const method = kind === K.MinusToken ? "neg" : kind === K.ExclamationToken ? "logical_not" : undefined;
    return {
      operator,
      kinds: kind === K.ExclamationToken ? "booleans" : "numbers",
      hint: method
        ? `use the method: ${receiver(node.operand)}.${method}()`
        : "leave the operator out; docs/ops.md lists the methods of tensors",
    };
  }
  const method = OPERATORS[COMPOUND[kind] ?? kind]?.method;
  if (method === undefined) return undefined;
  const hint =
    isCondition(node) && COMPARISONS.has(method)
      ? `a tensor decides nothing here: choose with ops.where(${methodWritten(node, tensor, method)}, a, b), or decide in the plan`
      : `${methodInstead(node, tensor, method)}`;
  return { operator, kinds: "numbers", hint };
}

/** What to write for `x * 2` or, with the tensor on the right, for `2 * x`. */
function methodInstead(node: ts.Expression, tensor: number, method: string): string {
  if (!OPS.get(method)?.method) return "tensors have no such method; docs/ops.md lists those that they have";
  if (!ts.isBinaryExpression(node)) return `use the method: x.${method}(…)`;
  const [left, right] = [node.left, node.right];
  const assigned = COMPOUND[node.operatorToken.kind] === undefined ? "" : `${shortly(left, "x")} = `;
  if (tensor === 0) return `use the method: ${assigned}${receiver(left)}.${method}(${receiver(right, "…")})`;
  const turned = TURNED[method];
  const said = `${receiver(left, "…")} ${node.operatorToken.getText()} ${receiver(right, "x")}`;
  if (turned !== undefined)
    return `use the method: ${receiver(right)}.${turned}(${receiver(left, "…")})${turned === method ? "" : ` is ${said}`}`;
  if (method === "div")
    return `write it with methods: ${receiver(right)}.pow(-1).mul(${receiver(left, "…")})`;
  if (method === "pow")
    return `write it with methods: ${receiver(right)}.mul(Math.log(${receiver(left, "…")})).exp()`;
  return "only a method of the left side does this; docs/ops.md lists the methods of tensors";
}

/** An operand as code in hints: as it is written where that is short and needs no parentheses. */
function receiver(node: ts.Expression, otherwise = "x"): string {
  const inner = unwrapped(node);
  const text = inner.getText();
  const simple =
    ts.isIdentifier(inner) ||
    ts.isPropertyAccessExpression(inner) ||
    ts.isCallExpression(inner) ||
    ts.isNumericLiteral(inner);
  return simple && text.length <= 30 && !text.includes("\n") ? text : otherwise;
}

/** The method that does with its sides exchanged what the operator does. */
const TURNED: Readonly<Record<string, string>> = {
  ...{ add: "add", sub: "rsub", mul: "mul", eq: "eq", ne: "ne" },
  ...{ lt: "gt", le: "ge", gt: "lt", ge: "le" },
};

/** Whether two operands are one list, record, function or module. */
export function isSame(a: Operand, b: Operand): boolean {
  if (a.kind === "module" && b.kind === "module")
    return a.module === b.module && a.twin === b.twin && a.rename("") === b.rename("");
  if (a.kind === "closure" && b.kind === "closure")
    return a.source.node === b.source.node && a.scope === b.scope;
  return a === b && a.kind !== "static" && a.kind !== "value";
}

const isBoolean = (o: Operand) =>
  o.kind === "value"
    ? o.value.type.kind === "scalar" && o.value.type.scalar === "bool"
    : o.kind === "static" && typeof o.value === "boolean";

/** A run-time number; JavaScript would take a boolean for one, the device does not. */
const numberOf = (lowerer: Lowerer, operand: Operand, node: ts.Node): Value =>
  isBoolean(operand) ? notBoolean(lowerer, node, operand) : lowerer.scalar(operand, node);

function notBoolean(lowerer: Lowerer, node: ts.Node, operand: Operand): never {
  return lowerer.refuse(node, "wrong-kind.number-for-boolean", {
    ...subject(node, operand),
    written: shortly(node, "x"),
  });
}

function refuseIdentity(lowerer: Lowerer, node: ts.Expression): never {
  const [left = node, right = node] = sidesOf(node);
  return lowerer.refuse(node, "unsupported-syntax.identity", { one: called(left), other: called(right) });
}

const isAbsent = (o: Operand) => o.kind === "static" && (o.value === null || o.value === undefined);

/** Something that is never equal to a run-time scalar: null, undefined, a module, a record. */
const isReference = (o: Operand) =>
  o.kind !== "value" && !(o.kind === "static" && ["number", "boolean"].includes(typeof o.value));

/** Whether a run-time scalar counts as true: NaN does not. */
export function truth(lowerer: Lowerer, node: ts.Node, value: Value): Value {
  if (value.type.kind !== "scalar" || value.type.scalar === "bool") return value;
  const integer = value.type.scalar === "i64";
  const zero = lowerer.scalar(fixed(0), node, integer);
  const is = (op: OpName) => lowerer.emit(node, op, [value, zero])[0]!;
  return integer ? is("scalar_ne") : lowerer.emit(node, "scalar_or", [is("scalar_lt"), is("scalar_gt")])[0]!;
}

/** A scalar op with an i64 side made real where the other is. */
export function scalarOp(lowerer: Lowerer, node: ts.Node, op: OpName, a: Value, b: Value): Value {
  const kind = (v: Value) => (v.type.kind === "scalar" ? v.type.scalar : "");
  if (kind(a) !== kind(b) && kind(a) !== "bool" && kind(b) !== "bool") {
    const real = (v: Value) => (kind(v) === "i64" ? lowerer.emit(node, "scalar_to_f64", [v])[0]! : v);
    return lowerer.emit(node, op, [real(a), real(b)])[0]!;
  }
  return lowerer.emit(node, op, [a, b])[0]!;
}

export function applyUnary(
  lowerer: Lowerer,
  node: ts.Expression,
  kind: ts.SyntaxKind,
  value: Operand,
): Operand {
  if (isStatic(value)) {
    const v = staticValue(value) as number;
    return fixed(
      kind === K.MinusToken ? -v : kind === K.ExclamationToken ? !v : kind === K.PlusToken ? +v : ~v,
    );
  }
  if (value.kind === "value" && value.value.type.kind === "tensor") {
    const unary = node as ts.PrefixUnaryExpression;
    const { operator, kinds, hint } = insteadOfOperator(unary, kind, 0)!;
    return lowerer.refuse(
      node,
      "operator-on-tensor",
      { operator, kinds, ...subject(unary.operand, value) },
      { hint },
    );
  }
  if (kind === K.ExclamationToken) {
    if (value.kind !== "value") return fixed(false);
    return dynamic(lowerer.emit(node, "scalar_not", [truth(lowerer, node, value.value)])[0]!);
  }
  if (kind === K.MinusToken)
    return dynamic(lowerer.emit(node, "scalar_neg", [numberOf(lowerer, value, operandOf(node))])[0]!);
  if (kind === K.PlusToken) return dynamic(numberOf(lowerer, value, operandOf(node)));
  return refuseOperator(lowerer, node, kind);
}

const operandOf = (node: ts.Expression): ts.Expression =>
  ts.isPrefixUnaryExpression(node) ? node.operand : node;

const MATH: Readonly<Record<string, OpName>> = {
  exp: "scalar_exp",
  log: "scalar_log",
  sqrt: "scalar_sqrt",
  cos: "scalar_cos",
  sin: "scalar_sin",
  floor: "scalar_floor",
};

/** Math.f of run-time scalars. */
export function mathCall(
  lowerer: Lowerer,
  node: ts.CallExpression,
  name: string,
  args: readonly Operand[],
): Operand {
  // What is called for each item of a list gets more than it asks for.
  const given = name === "min" || name === "max" ? args : args.slice(0, name === "pow" ? 2 : 1);
  const scalars = () => given.map((a, i) => numberOf(lowerer, a, node.arguments[i] ?? node));
  if (name === "min" || name === "max") {
    return dynamic(scalars().reduce((a, b) => scalarOp(lowerer, node, `scalar_${name}`, a, b)));
  }
  if (name === "abs") {
    const [x] = scalars();
    return dynamic(scalarOp(lowerer, node, "scalar_max", x!, lowerer.emit(node, "scalar_neg", [x])[0]!));
  }
  if (name === "pow") {
    const [a, b] = scalars();
    return dynamic(scalarOp(lowerer, node, "scalar_pow", a!, b!));
  }
  const op = MATH[name];
  if (!op && name === "round") return lowerer.refuse(node.expression, "math-function.round", {});
  if (!op)
    return lowerer.refuse(node.expression, "math-function", {
      name,
      known: `min, max, abs, pow, ${Object.keys(MATH).join(", ")}`,
    });
  return dynamic(lowerer.emit(node, op, scalars())[0]!);
}
