/** @file Scalars, control flow and terminators. */
import { scalarType } from "../../ir/module.js";
import { attribute, family, scalar } from "../define.js";
import type { ControlSpec, OperandKind, OpSpec, RegionSpec, ShapeRule } from "../spec.js";

/** The rule of an op on scalars. */
const scalarRule =
  (result: NonNullable<OpSpec["scalarResult"]>): ShapeRule =>
  (call) => {
    const kinds = call.operands.map((type) =>
      type?.kind === "scalar"
        ? type.scalar
        : call.fail("kind", `${call.op}: a number or a boolean is needed here`),
    );
    if (result !== "joined") return [scalarType(result)];
    return [scalarType(kinds.every((kind) => kind === "i64") ? "i64" : "f64")];
  };

/** What an op on scalars gives; `joined` is as JavaScript's numbers are, but for whole numbers alone. */
const gives = (result: NonNullable<OpSpec["scalarResult"]>) => ({
  scalarResult: result,
  results: [result === "joined" ? "f64" : result],
  shape: scalarRule(result),
});

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

/** Where Python raises an error or gives another value, at 0, infinity or NaN, functions of the host are called. */
const AS_JAVASCRIPT: Readonly<Record<string, string>> = {
  "/": "math:divide",
  "**": "math:power",
  min: "math:smaller",
  max: "math:larger",
};

const operator = (
  doc: string,
  symbol: string,
  result: NonNullable<OpSpec["scalarResult"]>,
  kinds: OperandKind[] = ["f64", "i64"],
  unary = false,
) => ({
  doc,
  ...gives(result),
  ...(COMPUTE[symbol] && { compute: COMPUTE[symbol] }),
  operands: unary ? [scalar("self", ...kinds)] : [scalar("self", ...kinds), scalar("other", ...kinds)],
  calls: [
    { target: AS_JAVASCRIPT[symbol] ?? `python:${symbol}`, args: unary ? ["self"] : ["self", "other"] },
  ],
});

const math = (name: string, doc: string) => ({
  doc,
  ...gives("f64"),
  operands: [scalar("self", "f64", "i64")],
  calls: [{ target: `math:${name}`, args: ["self"] }],
});

export const SCALAR_OPS: readonly OpSpec[] = family("scalars", {
  scalar_add: operator("The sum of two scalars.", "+", "joined"),
  scalar_sub: {
    ...operator("The difference of two scalars.", "-", "joined"),
    traits: { neutral: 0 },
  },
  scalar_mul: {
    ...operator("The product of two scalars.", "*", "joined"),
    traits: { neutral: 1 },
  },
  scalar_div: operator("The quotient of two scalars, always f64.", "/", "f64"),
  scalar_pow: operator("The power self ** other, always f64.", "**", "f64"),
  scalar_mod: {
    ...operator("The remainder with the sign of `self`, as JavaScript's %.", "%", "f64"),
    compute: (a: number, b: number) => a % b,
    calls: [{ target: "math:remainder", args: ["self", "other"] }],
  },
  scalar_neg: {
    ...operator("The negative of a scalar.", "-", "joined", ["f64", "i64"], true),
    traits: { involution: true },
  },
  scalar_lt: operator("Whether self < other.", "<", "bool"),
  scalar_le: operator("Whether self <= other.", "<=", "bool"),
  scalar_gt: operator("Whether self > other.", ">", "bool"),
  scalar_ge: operator("Whether self >= other.", ">=", "bool"),
  scalar_eq: operator("Whether self === other.", "==", "bool", ["f64", "i64", "bool"]),
  scalar_ne: operator("Whether self !== other.", "!=", "bool", ["f64", "i64", "bool"]),
  scalar_and: operator("Both.", "and", "bool", ["bool"]),
  scalar_or: operator("Either.", "or", "bool", ["bool"]),
  scalar_not: {
    ...operator("The opposite.", "not", "bool", ["bool"], true),
    traits: { involution: true },
  },
  scalar_min: operator("The smaller of two scalars.", "min", "joined"),
  scalar_max: operator("The larger of two scalars.", "max", "joined"),
  scalar_exp: math("exp", "e to the power of a scalar."),
  scalar_log: math("log", "The natural logarithm of a scalar."),
  scalar_sqrt: math("sqrt", "The square root of a scalar."),
  scalar_cos: math("cos", "The cosine of a scalar, in radians."),
  scalar_sin: math("sin", "The sine of a scalar, in radians."),
  scalar_floor: {
    ...math("floor", "The largest whole number not above a scalar, as f64."),
    traits: { idempotent: true },
    compute: (a: number) => Math.floor(a),
    calls: [{ target: "math:floor", args: ["self"] }],
  },
  scalar_to_f64: {
    doc: "An integer as a real number.",
    ...gives("f64"),
    operands: [scalar("self", "i64", "f64")],
    calls: [{ target: "cast:float", args: ["self"] }],
    compute: (a: number) => a,
  },
  scalar_to_i64: {
    doc: "A real number as an integer, cut towards zero; 0 for NaN, and at most 2 ** 62 either way.",
    ...gives("i64"),
    operands: [scalar("self", "i64", "f64")],
    calls: [{ target: "math:whole", args: ["self"] }],
    compute: (a: number) => Math.trunc(Math.min(Math.max(a, -(2 ** 62)), 2 ** 62)) || 0,
  },
});

const values = { name: "values", kinds: ["tensor", "f64", "i64", "bool", "group"] as const, variadic: true };

/** An op with regions: its results are what these yield. */
const structure = (doc: string, operands: OpSpec["operands"], control: ControlSpec) => ({
  doc,
  operands,
  results: ["*" as const],
  effect: "read" as const,
  shape: "declared" as const,
  control,
});
const end = (of: "region" | "function", doc: string) => ({
  doc,
  operands: [values],
  results: [],
  effect: "read" as const,
  shape: "declared" as const,
  ends: of,
});
const arm = (name: string): RegionSpec => ({ name, arguments: [], yields: "results" });

export const CONTROL: readonly OpSpec[] = family("control", {
  constant: {
    doc: "A number or boolean known when the program was built.",
    operands: [],
    attributes: [attribute("value", "scalar")],
    results: ["f64"],
    shape: "declared",
  },
  no_grad: structure("Runs its region without recording gradients.", [], {
    runs: "once",
    regions: [arm("body")],
    gradient: "unrecorded",
  }),
  remat: structure(
    "Runs its region. Its results are kept for the gradient, what it computed on the way is computed again.",
    [],
    { runs: "once", regions: [arm("body")], gradient: "again" },
  ),
  in_f32: structure("Runs its region in the types that it declares, in a program of any precision.", [], {
    runs: "once",
    regions: [arm("body")],
    precision: "declared",
  }),
  branch: structure(
    "Runs its region. Branches next to each other may run at the same time where none uses what another gives, or touches a storage that another writes. The passes `gradient-branches` and `branches` make it.",
    [],
    { runs: "once", regions: [arm("body")], concurrent: true },
  ),
  if: structure("Runs one of two regions.", [scalar("condition", "bool")], {
    runs: "choice",
    by: "condition",
    regions: [arm("then"), arm("else")],
  }),
  for: structure(
    "Runs its region `count` times, carrying values from one turn to the next.",
    [scalar("count", "i64"), values],
    {
      runs: "count",
      by: "count",
      carries: "values",
      regions: [{ name: "body", arguments: ["counter", "carried"], yields: "results" }],
    },
  ),
  while: structure("Runs its second region as long as its first yields true, carrying values.", [values], {
    runs: "condition",
    carries: "values",
    regions: [
      { name: "condition", arguments: ["carried"], yields: "condition" },
      { name: "body", arguments: ["carried"], yields: "results" },
    ],
  }),
  yield: end("region", "Ends a region with its values."),
  return: end("function", "Ends a function with its results."),
});
