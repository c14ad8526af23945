/** @file Scalars, control flow and terminators. */
import { type ScalarType, scalarType, type Type } from "../../ir/module.js";
import { attribute, family, scalar } from "../define.js";
import type { OperandKind, OpSpec, ShapeCall, ShapeRule } from "../spec.js";

const kindOf = (call: ShapeCall, i: number): ScalarType => {
  const type = call.operands[i];
  return type?.kind === "scalar"
    ? type.scalar
    : call.fail("kind", `${call.op}: a number or a boolean is needed here`);
};

/** i64 only of two i64s; anything else is f64, as JavaScript's numbers are. */
const joined: ShapeRule = (call) => {
  const integers = call.operands.every((_, i) => kindOf(call, i) === "i64");
  return [scalarType(integers ? "i64" : "f64")];
};
const always =
  (type: ScalarType): ShapeRule =>
  () => [scalarType(type)];

/** What operators compute, where JavaScript and Python agree to the last bit. */
const COMPUTE: Readonly<Record<string, (a: never, b: never) => number | boolean>> = {
  "+": (a: number, b: number) => a + b,
  "-": (a: number, b?: number) => (b === undefined ? -a : a - b),
  "*": (a: number, b: number) => a * b,
  "/": (a: number, b: number) => a / b,
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  ">": (a: number, b: number) => a > b,
  ">=": (a: number, b: number) => a >= b,
  "==": (a: number, b: number) => a === b,
  "!=": (a: number, b: number) => a !== b,
  and: (a: boolean, b: boolean) => a && b,
  or: (a: boolean, b: boolean) => a || b,
  not: (a: boolean) => !a,
  min: (a: number, b: number) => Math.min(a, b),
  max: (a: number, b: number) => Math.max(a, b),
};

/** Where Python raises, or gives something else, at 0, infinity or NaN: functions of the host. */
const AS_JAVASCRIPT: Readonly<Record<string, string>> = {
  "/": "math:divide",
  "**": "math:power",
  min: "math:smaller",
  max: "math:larger",
};

const operator = (
  doc: string,
  symbol: string,
  result: OperandKind,
  shape: ShapeRule,
  kinds: OperandKind[] = ["f64", "i64"],
  unary = false,
) => ({
  doc,
  ...(COMPUTE[symbol] && { compute: COMPUTE[symbol] }),
  operands: unary ? [scalar("self", ...kinds)] : [scalar("self", ...kinds), scalar("other", ...kinds)],
  results: [result],
  shape,
  calls: [
    { target: AS_JAVASCRIPT[symbol] ?? `python:${symbol}`, args: unary ? ["self"] : ["self", "other"] },
  ],
});

const math = (name: string, doc: string) => ({
  doc,
  operands: [scalar("self", "f64", "i64")],
  results: ["f64" as const],
  shape: always("f64"),
  calls: [{ target: `math:${name}`, args: ["self"] }],
});

export const SCALAR_OPS: readonly OpSpec[] = family("scalars", {
  scalar_add: operator("The sum of two scalars.", "+", "f64", joined),
  scalar_sub: operator("The difference of two scalars.", "-", "f64", joined),
  scalar_mul: operator("The product of two scalars.", "*", "f64", joined),
  scalar_div: operator("The quotient of two scalars, always f64.", "/", "f64", always("f64")),
  scalar_pow: operator("The power self ** other, always f64.", "**", "f64", always("f64")),
  scalar_mod: {
    ...operator("The remainder with the sign of `self`, as JavaScript's %.", "%", "f64", always("f64")),
    compute: (a: number, b: number) => a % b,
    calls: [{ target: "math:remainder", args: ["self", "other"] }],
  },
  scalar_neg: operator("The negative of a scalar.", "-", "f64", joined, ["f64", "i64"], true),
  scalar_lt: operator("Whether self < other.", "<", "bool", always("bool")),
  scalar_le: operator("Whether self <= other.", "<=", "bool", always("bool")),
  scalar_gt: operator("Whether self > other.", ">", "bool", always("bool")),
  scalar_ge: operator("Whether self >= other.", ">=", "bool", always("bool")),
  scalar_eq: operator("Whether self === other.", "==", "bool", always("bool"), ["f64", "i64", "bool"]),
  scalar_ne: operator("Whether self !== other.", "!=", "bool", always("bool"), ["f64", "i64", "bool"]),
  scalar_and: operator("Both.", "and", "bool", always("bool"), ["bool"]),
  scalar_or: operator("Either.", "or", "bool", always("bool"), ["bool"]),
  scalar_not: operator("The opposite.", "not", "bool", always("bool"), ["bool"], true),
  scalar_min: operator("The smaller of two scalars.", "min", "f64", joined),
  scalar_max: operator("The larger of two scalars.", "max", "f64", joined),
  scalar_exp: math("exp", "e to the power of a scalar."),
  scalar_log: math("log", "The natural logarithm of a scalar."),
  scalar_sqrt: math("sqrt", "The square root of a scalar."),
  scalar_cos: math("cos", "The cosine of a scalar, in radians."),
  scalar_sin: math("sin", "The sine of a scalar, in radians."),
  scalar_floor: {
    ...math("floor", "The largest whole number not above a scalar, as f64."),
    compute: (a: number) => Math.floor(a),
    calls: [{ target: "math:floor", args: ["self"] }],
  },
  scalar_to_f64: {
    doc: "An integer as a real number.",
    operands: [scalar("self", "i64", "f64")],
    results: ["f64"],
    shape: always("f64"),
    calls: [{ target: "cast:float", args: ["self"] }],
    compute: (a: number) => a,
  },
  scalar_to_i64: {
    doc: "A real number as an integer, cut towards zero; 0 for NaN, and at most 2 ** 62 either way.",
    operands: [scalar("self", "i64", "f64")],
    results: ["i64"],
    shape: always("i64"),
    calls: [{ target: "math:whole", args: ["self"] }],
    compute: (a: number) => Math.trunc(Math.min(Math.max(a, -(2 ** 62)), 2 ** 62)) || 0,
  },
});

const unshaped: ShapeRule = (): readonly Type[] => [];
const any = [{ name: "values", kinds: ["tensor", "f64", "i64", "bool", "group"] as const, variadic: true }];

export const CONTROL: readonly OpSpec[] = family("control", {
  constant: {
    doc: "A number or boolean known when the program was built.",
    operands: [],
    attributes: [attribute("value", "scalar")],
    results: ["f64"],
    shape: unshaped,
  },
  no_grad: {
    doc: "Runs its region without recording gradients.",
    operands: [],
    results: ["*"],
    effect: "read",
    shape: unshaped,
  },
  remat: {
    doc: "Runs its region. Its results are kept for the gradient, what it computed on the way is computed again.",
    operands: [],
    results: ["*"],
    effect: "read",
    shape: unshaped,
  },
  if: {
    doc: "Runs one of two regions.",
    operands: [scalar("condition", "bool")],
    results: ["*"],
    effect: "read",
    shape: unshaped,
  },
  for: {
    doc: "Runs its region `count` times, carrying values from one turn to the next.",
    operands: [scalar("count", "i64"), ...any],
    results: ["*"],
    effect: "read",
    shape: unshaped,
  },
  while: {
    doc: "Runs its second region as long as its first yields true, carrying values.",
    operands: any,
    results: ["*"],
    effect: "read",
    shape: unshaped,
  },
  yield: {
    doc: "Ends a region with its values.",
    operands: any,
    results: [],
    effect: "read",
    shape: unshaped,
  },
  return: {
    doc: "Ends a function with its results.",
    operands: any,
    results: [],
    effect: "read",
    shape: unshaped,
  },
});
