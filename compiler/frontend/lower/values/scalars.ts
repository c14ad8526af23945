/**
 * @file Numbers and booleans: what kind one is, and how one that is known now becomes a value of the program.
 *
 *     operands in                      IR out
 *     3, where a whole number is       %c = constant 3 : i64
 *     %n : i64 with %x : f64           %f = scalar_to_f64(%n), and the op on reals
 */
import type { ScalarType, Value } from "../../../ir/module.js";
import type { OpName } from "../../../ir/op-name.js";
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { shortly, subject } from "../refusals/words.js";
import { fixed, isTensor, type Operand, staticValue } from "./operand.js";

export const isNumber = (o: Operand) =>
  o.kind === "static" && (typeof o.value === "number" || typeof o.value === "boolean");

export const isReal = (o: Operand) =>
  scalarKind(o) === "f64" ||
  (isNumber(o) && typeof staticValue(o) === "number" && !Number.isInteger(staticValue(o)));

export const scalarKind = (o: Operand): ScalarType | undefined =>
  o.kind === "value" && o.value.type.kind === "scalar" ? o.value.type.scalar : undefined;

export const isBoolean = (o: Operand) =>
  o.kind === "value"
    ? o.value.type.kind === "scalar" && o.value.type.scalar === "bool"
    : o.kind === "static" && typeof o.value === "boolean";

/** A build-time number or boolean as a run-time scalar. */
export function scalar(lowering: Lowering, operand: Operand, node: ts.Node, integer = false): Value {
  if (operand.kind === "value" && operand.value.type.kind === "scalar") return operand.value;
  if (
    operand.kind === "static" &&
    (typeof operand.value === "number" || typeof operand.value === "boolean")
  ) {
    const whole = integer && Number.isSafeInteger(operand.value);
    const type = typeof operand.value === "boolean" ? "bool" : whole ? "i64" : "f64";
    return lowering.builder.constant(operand.value, lowering.locate(node), type);
  }
  return lowering.refuse(
    node,
    isTensor(operand) ? "wrong-kind.number-for-tensor" : "wrong-kind.number",
    subject(node, operand),
  );
}

/** A run-time number; JavaScript would take a boolean for one, the device does not. */
export const numberOf = (lowering: Lowering, operand: Operand, node: ts.Node): Value =>
  isBoolean(operand) ? notBoolean(lowering, node, operand) : scalar(lowering, operand, node);

export function notBoolean(lowering: Lowering, node: ts.Node, operand: Operand): never {
  return lowering.refuse(node, "wrong-kind.number-for-boolean", {
    ...subject(node, operand),
    written: shortly(node, "x"),
  });
}

/** Whether a run-time scalar counts as true: NaN does not. */
export function truth(lowering: Lowering, node: ts.Node, value: Value): Value {
  if (value.type.kind !== "scalar" || value.type.scalar === "bool") return value;
  const integer = value.type.scalar === "i64";
  const zero = scalar(lowering, fixed(0), node, integer);
  const is = (op: OpName) => lowering.emit(node, op, [value, zero])[0]!;
  return integer ? is("scalar_ne") : lowering.emit(node, "scalar_or", [is("scalar_lt"), is("scalar_gt")])[0]!;
}

/** A scalar op with an i64 side made real where the other is. */
export function scalarOp(lowering: Lowering, node: ts.Node, op: OpName, a: Value, b: Value): Value {
  const kind = (v: Value) => (v.type.kind === "scalar" ? v.type.scalar : "");
  if (kind(a) !== kind(b) && kind(a) !== "bool" && kind(b) !== "bool") {
    const real = (v: Value) => (kind(v) === "i64" ? lowering.emit(node, "scalar_to_f64", [v])[0]! : v);
    return lowering.emit(node, op, [real(a), real(b)])[0]!;
  }
  return lowering.emit(node, op, [a, b])[0]!;
}
