/**
 * @file Operators and functions of Math on operands: between values known now JavaScript's own; with a run-time one they are ops.
 *
 *     operands in       IR out
 *     2, 3              nothing: 6
 *     %n, 3             %m = scalar_mul(%n, 3)
 */
import type { PlainName } from "../../../diagnostics/catalogue.js";
import type { OpName } from "../../../ir/op-name.js";
import { ts } from "../../typescript.js";
import { OPERATORS } from "../forms/operators.js";
import type { Lowering } from "../lowering.js";
import { insteadOfOperator, methodInstead } from "../refusals/operators.js";
import { called, describe, subject } from "../refusals/words.js";
import { dynamic, fixed, isJoined, isStatic, type Operand, staticValue } from "./operand.js";
import { isBoolean, notBoolean, numberOf, scalar, scalarOp, truth } from "./scalars.js";
import { isSame } from "./structure.js";

const K = ts.SyntaxKind;

const REFUSED: Partial<Record<ts.SyntaxKind, PlainName>> = {
  [K.InKeyword]: "unsupported-syntax.in",
  [K.InstanceOfKeyword]: "unsupported-syntax.instanceof",
};

const EQUALITY: ReadonlySet<OpName> = new Set<OpName>(["scalar_eq", "scalar_ne"]);

export function applyBinary(
  lowering: Lowering,
  node: ts.Expression,
  kind: ts.SyntaxKind,
  a: Operand,
  b: Operand,
): Operand {
  const operator = OPERATORS[kind];
  if (!operator) return refuseOperator(lowering, node, kind);
  if (EQUALITY.has(operator.op) && isSame(a, b)) return fixed(operator.op === "scalar_eq");
  if (EQUALITY.has(operator.op) && a.kind === b.kind && (a.kind === "list" || a.kind === "record"))
    if (isJoined(a) || isJoined(b)) refuseIdentity(lowering, node);
  if (isStatic(a) && isStatic(b)) return fixed(operator.compute(staticValue(a), staticValue(b)));
  // Whether a value is there at all is known now, whatever it will be.
  if (EQUALITY.has(operator.op) && (isAbsent(a) || isAbsent(b))) return fixed(operator.op === "scalar_ne");
  for (const [i, side] of [a, b].entries()) {
    if (kind === K.PlusToken && side.kind === "static" && typeof side.value === "string")
      lowering.refuse(sidesOf(node)[1 - i] ?? node, "text-of-run-time-value", {
        operand: describe([b, a][i]!),
      });
    if (side.kind === "value" && side.value.type.kind === "tensor") {
      lowering.refuse(
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
    notBoolean(lowering, isBoolean(a) ? left : right, isBoolean(a) ? a : b);
  }
  const side = EQUALITY.has(operator.op) ? scalar : numberOf;
  const [x, y] = [side(lowering, a, left), side(lowering, b, right)];
  return dynamic(scalarOp(lowering, node, operator.op, x, y));
}

/** The two sides of an operator. */
const sidesOf = (node: ts.Expression): readonly ts.Expression[] =>
  ts.isBinaryExpression(node) ? [node.left, node.right] : [];

/** Refuses an operator that has no counterpart on the device, at the operator. */
function refuseOperator(lowering: Lowering, node: ts.Expression, kind: ts.SyntaxKind): never {
  const token = ts.isBinaryExpression(node) ? node.operatorToken : node;
  const own = REFUSED[kind];
  return own === undefined
    ? lowering.refuse(token, "unsupported-syntax.operator", { operator: ts.tokenToString(kind) ?? "" })
    : lowering.refuse(token, own, {});
}

function refuseIdentity(lowering: Lowering, node: ts.Expression): never {
  const [left = node, right = node] = sidesOf(node);
  return lowering.refuse(node, "unsupported-syntax.identity", { one: called(left), other: called(right) });
}

const isAbsent = (o: Operand) => o.kind === "static" && (o.value === null || o.value === undefined);

/** Something that is never equal to a run-time scalar: null, undefined, a module, a record. */
const isReference = (o: Operand) =>
  o.kind !== "value" && !(o.kind === "static" && ["number", "boolean"].includes(typeof o.value));

export function applyUnary(
  lowering: Lowering,
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
    return lowering.refuse(
      node,
      "operator-on-tensor",
      { operator, kinds, ...subject(unary.operand, value) },
      { hint },
    );
  }
  if (kind === K.ExclamationToken) {
    if (value.kind !== "value") return fixed(false);
    return dynamic(lowering.emit(node, "scalar_not", [truth(lowering, node, value.value)])[0]!);
  }
  if (kind === K.MinusToken)
    return dynamic(lowering.emit(node, "scalar_neg", [numberOf(lowering, value, operandOf(node))])[0]!);
  if (kind === K.PlusToken) return dynamic(numberOf(lowering, value, operandOf(node)));
  return refuseOperator(lowering, node, kind);
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
  lowering: Lowering,
  node: ts.CallExpression,
  name: string,
  args: readonly Operand[],
): Operand {
  // What is called for each item of a list gets more than it asks for.
  const given = name === "min" || name === "max" ? args : args.slice(0, name === "pow" ? 2 : 1);
  const scalars = () => given.map((a, i) => numberOf(lowering, a, node.arguments[i] ?? node));
  if (name === "min" || name === "max") {
    return dynamic(scalars().reduce((a, b) => scalarOp(lowering, node, `scalar_${name}`, a, b)));
  }
  if (name === "abs") {
    const [x] = scalars();
    return dynamic(scalarOp(lowering, node, "scalar_max", x!, lowering.emit(node, "scalar_neg", [x])[0]!));
  }
  if (name === "pow") {
    const [a, b] = scalars();
    return dynamic(scalarOp(lowering, node, "scalar_pow", a!, b!));
  }
  const op = MATH[name];
  if (!op && name === "round") return lowering.refuse(node.expression, "math-function.round", {});
  if (!op)
    return lowering.refuse(node.expression, "math-function", {
      name,
      known: `min, max, abs, pow, ${Object.keys(MATH).join(", ")}`,
    });
  return dynamic(lowering.emit(node, op, scalars())[0]!);
}
