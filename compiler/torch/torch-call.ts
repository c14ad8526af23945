/** @file An op that torch computes, as the Python expression that the registry's `calls` say. */
import { type AttributeValue, DTYPES, type Op, type Type, type Value } from "../ir/module.js";
import { OPS } from "../registry/index.js";
import type { AttributeSpec, OpSpec, TorchCall } from "../registry/spec.js";
import { listOf, literal, realLiteral, wholeLiteral } from "./python-literal.js";

/** The local variable of a value. */
export const local = (value: Value): string => `v${value.id}`;

/** The name under which generated code calls `aten::add.Tensor`: `aten__add__Tensor`. */
export const targetName = (target: string): string => target.replaceAll("::", "__").replaceAll(".", "__");

/** The registry's entry of an op. */
export function specOf(op: Op): OpSpec {
  const spec = OPS.get(op.op);
  if (!spec) throw new Error(`internal: there is no op ${op.op}`);
  return spec;
}

/** The expression that computes an op. */
export function torchCall(op: Op): string {
  const { target, args } = callOf(op);
  const [family, symbol] = target.split(":", 2) as [string, string];
  const texts = args.map((token) => argument(op, token));
  switch (family) {
    case "python":
      return operator(symbol, texts);
    case "math":
      return mathCall(op, symbol, texts);
    case "cast":
      return `${symbol}(${texts.join(", ")})`;
    default:
      return `${targetName(target)}(${texts.join(", ")})`;
  }
}

/** The torch call that fits the kinds of the operands. */
function callOf(op: Op): TorchCall {
  const spec = specOf(op);
  const kinds = new Map<string, Type["kind"] | "none">(
    spec.operands.map(({ name }, i) => [name, op.operands[i]?.type.kind ?? "none"]),
  );
  const fits = ({ when = {} }: TorchCall) =>
    Object.entries(when).every(([name, kind]) => kinds.get(name) === kind);
  const call = spec.calls.find(fits);
  if (!call) throw new Error(`internal: no torch call of ${op.op} fits its operands`);
  return call;
}

const WHOLE: Readonly<Record<string, string>> = { smaller: "min", larger: "max" };

/** One of the host's functions on floats; of two whole numbers the smaller or larger is Python's own, and whole. */
function mathCall(op: Op, symbol: string, args: readonly string[]): string {
  const whole = WHOLE[symbol];
  if (whole && scalarOf(op.results[0]!) === "i64") return `${whole}(${args.join(", ")})`;
  const floats = args.map((arg, i) => (scalarOf(op.operands[i]!) === "i64" ? `float(${arg})` : arg));
  return `math_${symbol}(${floats.join(", ")})`;
}

const scalarOf = ({ type }: Value) => (type.kind === "scalar" ? type.scalar : undefined);

function operator(symbol: string, args: readonly string[]): string {
  if (args.length === 1) return symbol === "not" ? `not ${args[0]}` : `${symbol}${args[0]}`;
  return args.join(` ${symbol} `);
}

/** One token of a call: `#` a literal of Python's, `name=` a keyword; otherwise the device, a dtype, an operand, an attribute. */
function argument(op: Op, token: string): string {
  if (token.startsWith("#")) return token.slice(1);
  const keyword = /^(\w+)=(.+)$/.exec(token);
  if (keyword) return `${keyword[1]}=${argument(op, keyword[2]!)}`;
  if (token === "$device") return "device";
  if (token === "$channels_last") return "channels_last";
  if ((DTYPES as readonly string[]).includes(token)) return dtypeName(token);
  const spec = specOf(op);
  const at = spec.operands.findIndex((operand) => operand.name === token);
  if (at >= 0) {
    if (spec.operands[at]!.variadic) return listOf(op.operands.slice(at).map((value) => local(value!)));
    const value = op.operands[at];
    return value ? local(value) : "None";
  }
  const attribute = spec.attributes.find(({ name }) => name === token);
  if (!attribute) throw new Error(`internal: ${op.op} has no ${token}`);
  return attributeText(attribute, op.attributes[token] ?? attribute.default);
}

const dtypeName = (dtype: string) => `dtype_${dtype}`;

function attributeText({ type }: AttributeSpec, value: AttributeValue | null | undefined): string {
  if (value === undefined || value === null) return "None";
  switch (type) {
    case "dtype":
      return dtypeName(value as string);
    case "float":
      return realLiteral(value as number);
    case "int":
      return wholeLiteral(value as number);
    case "ints":
      return listOf((value as readonly number[]).map(wholeLiteral));
    default:
      return literal(value);
  }
}
