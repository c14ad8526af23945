/** @file Elementwise ops on tensors: arithmetic, comparison, functions of one tensor, choice. */
import { sameDim } from "../../ir/dim.js";
import { type DType, type TensorType, tensorType } from "../../ir/module.js";
import { aten, attribute, family, tensor, tensorOrScalar, when } from "../define.js";
import {
  broadcastDims,
  elementwise,
  floatLike,
  like,
  noBool,
  shapeText,
  slopeRule,
  tensorAt,
  withScalar,
} from "../shapes.js";
import type { OpSpec, ShapeRule } from "../spec.js";

type Entries = Parameters<typeof family>[1];

// A number among the operands keeps its literal type: 2 or 0.5 gives another dtype.
const BINARY =
  "<S extends Shape, D extends DType, N extends number | null, O extends Shape = readonly [], E extends DType = D>(self: Tensor<S, D>, other: NonNullable<N> | (Tensor<O, E> & BroadcastsWith<S, O>)): Tensor<Broadcast<S, O>, Promoted<S, D, O, E, N>>";
const DIVISION =
  "<S extends Shape, D extends DType, O extends Shape = readonly [], E extends DType = D>(self: Tensor<S, D>, other: number | (Tensor<O, E> & BroadcastsWith<S, O>)): Tensor<Broadcast<S, O>, Divided<S, D, O, E>>";
const COMPARE =
  '<S extends Shape, D extends DType, O extends Shape = readonly []>(self: Tensor<S, D>, other: number | (Tensor<O, DType> & BroadcastsWith<S, O>)): Tensor<Broadcast<S, O>, "bool">';
const UNARY = "<S extends Shape, D extends FloatDType>(self: Tensor<S, D>): Tensor<S, D>";

/** An op with a `.Tensor` and a `.Scalar` overload. */
const binary = (
  name: string,
  doc: string,
  signature: string,
  options: Parameters<typeof elementwise>[0] = {},
) => ({
  doc,
  operands: [tensor("self"), tensorOrScalar("other")],
  constraints: ["the shapes broadcast, aligned at the last dimension"],
  shape: elementwise(options),
  calls: [
    when({ other: "tensor" }, aten(`${name}.Tensor`, "self", "other")),
    when({ other: "scalar" }, aten(`${name}.Scalar`, "self", "other")),
  ],
  signature,
  method: true,
});

/** An op that refuses masks: any among its operands, or where all are masks. */
const numbersOnly = <E extends { shape: ShapeRule }>(entry: E, how: "any" | "all"): E => ({
  ...entry,
  shape: (call) => {
    noBool(call, how);
    return entry.shape(call);
  },
});

const unary = (name: string, doc: string, precision?: OpSpec["precision"]) => ({
  doc,
  ...(precision && { precision }),
  operands: [tensor("self")],
  constraints: ["floating point"],
  shape: floatLike,
  calls: [aten(name, "self")],
  signature: UNARY,
  method: true,
});

const entries: Entries = {
  add: binary("add", "The sum, elementwise.", BINARY),
  sub: numbersOnly(binary("sub", "The difference `self - other`, elementwise.", BINARY), "any"),
  mul: { ...binary("mul", "The product, elementwise.", BINARY), traits: { neutral: 1 } },
  div: {
    ...binary("div", "The quotient `self / other`, elementwise; integers divide to f32.", DIVISION, {
      float: true,
    }),
    traits: { neutral: 1 },
  },
  rsub: {
    ...numbersOnly(binary("rsub", "`other - self`, elementwise: a number minus a tensor.", BINARY), "any"),
    example: "const distance = cosine.rsub(1);",
  },
  remainder: {
    ...numbersOnly(
      binary("remainder", "What is left of `self / other`, with the sign of `other`, elementwise.", BINARY),
      "all",
    ),
    example: "const angle = phase.remainder(2 * Math.PI);",
  },
  maximum: {
    ...binary("maximum", "The larger of the two, elementwise.", BINARY),
    operands: [tensor("self"), tensor("other")],
    calls: [aten("maximum", "self", "other")],
    signature:
      "<S extends Shape, D extends DType, O extends Shape>(self: Tensor<S, D>, other: Tensor<O, NoInfer<D>> & BroadcastsWith<S, O>): Tensor<Broadcast<S, O>, D>",
  },
  minimum: {
    ...binary("minimum", "The smaller of the two, elementwise.", BINARY),
    operands: [tensor("self"), tensor("other")],
    calls: [aten("minimum", "self", "other")],
    signature:
      "<S extends Shape, D extends DType, O extends Shape>(self: Tensor<S, D>, other: Tensor<O, NoInfer<D>> & BroadcastsWith<S, O>): Tensor<Broadcast<S, O>, D>",
  },
  pow: {
    ...numbersOnly(binary("pow", "`self` to the power `other`, elementwise.", BINARY), "all"),
    traits: { neutral: 1 },
    precision: "full",
    calls: [
      when({ other: "tensor" }, aten("pow.Tensor_Tensor", "self", "other")),
      when({ other: "scalar" }, aten("pow.Tensor_Scalar", "self", "other")),
    ],
  },
  eq: binary("eq", "Whether equal, elementwise.", COMPARE, { result: "bool" }),
  ne: binary("ne", "Whether different, elementwise.", COMPARE, { result: "bool" }),
  lt: binary("lt", "Whether `self < other`, elementwise.", COMPARE, { result: "bool" }),
  le: binary("le", "Whether `self <= other`, elementwise.", COMPARE, { result: "bool" }),
  gt: binary("gt", "Whether `self > other`, elementwise.", COMPARE, { result: "bool" }),
  ge: binary("ge", "Whether `self >= other`, elementwise.", COMPARE, { result: "bool" }),
  logical_and: {
    doc: "Both, elementwise on bool tensors.",
    operands: [tensor("self"), tensor("other")],
    shape: elementwise({ result: "bool" }),
    calls: [aten("logical_and", "self", "other")],
    signature:
      '<S extends Shape, O extends Shape>(self: Tensor<S, "bool">, other: Tensor<O, "bool"> & BroadcastsWith<S, O>): Tensor<Broadcast<S, O>, "bool">',
    method: true,
  },
  logical_or: {
    doc: "Either, elementwise on bool tensors.",
    operands: [tensor("self"), tensor("other")],
    shape: elementwise({ result: "bool" }),
    calls: [aten("logical_or", "self", "other")],
    signature:
      '<S extends Shape, O extends Shape>(self: Tensor<S, "bool">, other: Tensor<O, "bool"> & BroadcastsWith<S, O>): Tensor<Broadcast<S, O>, "bool">',
    method: true,
  },
  isfinite: {
    doc: "Whether neither infinite nor not a number, elementwise.",
    operands: [tensor("self")],
    shape: elementwise({ result: "bool" }),
    calls: [aten("isfinite", "self")],
    signature: '<S extends Shape>(self: Tensor<S, FloatDType>): Tensor<S, "bool">',
    method: true,
  },
  logical_not: {
    doc: "The opposite, elementwise on a bool tensor.",
    traits: { involution: true },
    operands: [tensor("self")],
    shape: elementwise({ result: "bool" }),
    calls: [aten("logical_not", "self")],
    signature: '<S extends Shape>(self: Tensor<S, "bool">): Tensor<S, "bool">',
    method: true,
  },
  neg: {
    doc: "`-self`.",
    traits: { involution: true },
    operands: [tensor("self")],
    shape: (call) => {
      noBool(call, "any");
      return like(call);
    },
    calls: [aten("neg", "self")],
    signature: "<S extends Shape, D extends DType>(self: Tensor<S, D>): Tensor<S, D>",
    method: true,
  },
  abs: {
    doc: "The absolute value.",
    traits: { idempotent: true },
    operands: [tensor("self")],
    shape: like,
    calls: [aten("abs", "self")],
    signature: "<S extends Shape, D extends DType>(self: Tensor<S, D>): Tensor<S, D>",
    method: true,
  },
  exp: unary("exp", "e to the power of each element.", "full"),
  log: unary("log", "The natural logarithm.", "full"),
  sqrt: unary("sqrt", "The square root.", "full"),
  rsqrt: unary("rsqrt", "One over the square root.", "full"),
  sin: unary("sin", "The sine, of radians."),
  cos: unary("cos", "The cosine, of radians."),
  acos: unary(
    "acos",
    "The angle in radians whose cosine this is; the gradient is infinite at -1 and 1.",
    "full",
  ),
  tanh: unary("tanh", "The hyperbolic tangent."),
  sigmoid: unary("sigmoid", "1 / (1 + e^-x)."),
  floor: {
    ...unary("floor", "The largest whole number not above x; its gradient is 0."),
    traits: { idempotent: true },
  },
  relu: { ...unary("relu", "max(0, x)."), traits: { idempotent: true } },
  silu: unary("silu", "x * sigmoid(x), also called Swish."),
  gelu: unary("gelu", "x * Phi(x), Phi being the normal distribution function."),
  softplus: {
    ...unary("softplus", "log(1 + e^x), without overflow; above `threshold` x itself.", "full"),
    attributes: [attribute("threshold", "float", 20)],
    calls: [aten("softplus", "self", "#1.0", "threshold")],
    signature:
      "<S extends Shape, D extends FloatDType>(self: Tensor<S, D>, options?: { threshold?: number }): Tensor<S, D>",
  },
  prelu: {
    precision: "first",
    traits: { pointwise: false },
    doc: "x where positive, `slope * x` elsewhere; one slope, or one a channel (dimension 1). He et al. 2015.",
    operands: [tensor("self"), tensor("slope")],
    constraints: ["slope has shape [1] or [C], C being dimension 1 of self"],
    shape: (call) => {
      slopeRule(call, tensorAt(call, 0), tensorAt(call, 1));
      return floatLike(call);
    },
    calls: [aten("prelu", "self", "slope")],
    signature:
      "<S extends Shape, D extends FloatDType>(self: Tensor<S, D>, slope: Tensor<readonly [number], NoInfer<D>>): Tensor<S, D>",
    method: true,
  },
  clamp: {
    doc: "Values below `min` become `min`, above `max` become `max`.",
    traits: { limits: true },
    operands: [tensor("self")],
    attributes: [attribute("min", "scalar", null), attribute("max", "scalar", null)],
    constraints: ["one limit at least; a real limit makes integers real"],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const limits = [call.attributes.min, call.attributes.max].filter((v) => v !== undefined);
      if (limits.length === 0) call.fail("size", "clamp: neither `min` nor `max` is given");
      const dtype = limits.reduce<DType>(
        (d, v) => withScalar(d, Number.isInteger(v) ? "i64" : "f64"),
        x.dtype,
      );
      return [tensorType(x.dims, dtype)];
    },
    calls: [aten("clamp", "self", "min", "max")],
    signature:
      "<S extends Shape, D extends DType, N extends number>(self: Tensor<S, D>, limits: { min?: N; max?: N }): Tensor<S, Clamped<D, N>>",
    method: true,
    example: "const safe = cosine.clamp({ min: -1, max: 1 });",
  },
  where: {
    doc: "`self` where the condition holds, `other` elsewhere.",
    operands: [tensor("condition"), tensorOrScalar("self"), tensorOrScalar("other")],
    constraints: ["the condition is bool", "all three broadcast"],
    shape: (call) => {
      if (tensorAt(call, 0).dtype !== "bool")
        call.fail("dtype", `where: the condition must be bool, got ${tensorAt(call, 0).dtype}`);
      const branches = call.operands.slice(1);
      // The wider of two numbers. As with tensors of rank 0, they change only the category of the other operand's dtype.
      const numbers = branches.every((b) => b?.kind === "scalar");
      const whole = branches.every((b) => b?.kind === "scalar" && b.scalar === "i64");
      const values = numbers
        ? [tensorType([], whole ? "i64" : "f32")]
        : elementwise()({ ...call, operands: branches });
      const [value] = values as readonly TensorType[];
      return [tensorType(broadcastDims(call, tensorAt(call, 0).dims, value!.dims), value!.dtype)];
    },
    calls: [
      when({ self: "tensor", other: "tensor" }, aten("where.self", "condition", "self", "other")),
      when({ self: "tensor", other: "scalar" }, aten("where.ScalarOther", "condition", "self", "other")),
      when({ self: "scalar", other: "tensor" }, aten("where.ScalarSelf", "condition", "self", "other")),
      when({ self: "scalar", other: "scalar" }, aten("where.Scalar", "condition", "self", "other")),
    ],
    signature:
      '<C extends Shape, S extends Shape, D extends DType, N extends number | null, O extends Shape = readonly [], E extends DType = D>(condition: Tensor<C, "bool"> & BroadcastsWith<S, C>, self: Tensor<S, D>, other: NonNullable<N> | (Tensor<O, E> & BroadcastsWith<S, O>)): Tensor<Broadcast<C, Broadcast<S, O>>, Promoted<S, D, O, E, N>>',
    example: "const second = where(plan.dual, row1, row0);",
  },
  masked_fill: {
    doc: "`self` with `value` where the mask holds.",
    operands: [tensor("self"), tensor("mask")],
    attributes: [attribute("value", "scalar")],
    constraints: ["the mask is bool and broadcasts to self"],
    shape: (call) => {
      if (tensorAt(call, 1).dtype !== "bool") call.fail("dtype", "masked_fill: the mask must be bool");
      const [x, mask] = [tensorAt(call, 0), tensorAt(call, 1)];
      const dims = broadcastDims(call, x.dims, mask.dims);
      if (dims.length !== x.dims.length || dims.some((d, i) => !sameDim(d, x.dims[i]!)))
        call.fail(
          "shape",
          `masked_fill: a mask ${shapeText(mask.dims)} does not broadcast to ${shapeText(x.dims)}`,
        );
      return [x];
    },
    calls: [aten("masked_fill.Scalar", "self", "mask", "value")],
    signature:
      '<S extends Shape, D extends DType, M extends Shape>(self: Tensor<S, D>, mask: Tensor<M, "bool"> & MaskCheck<S, M>, value: number): Tensor<S, D>',
    method: true,
  },
  dropout: {
    doc: "Zeroes each element with probability `p` and scales the others by 1/(1-p); nothing where `training` is false. Of programs before 1.3: it draws from torch's generator.",
    operands: [tensor("self")],
    attributes: [attribute("p", "float"), attribute("training", "bool")],
    effect: "rng",
    constraints: ["p from 0 to 1"],
    shape: (call) => {
      const p = call.attributes.p as number;
      if (!(p >= 0 && p <= 1)) call.fail("size", `dropout: a probability of ${p}`);
      return floatLike(call);
    },
    calls: [aten("dropout", "self", "p", "training")],
  },
  to: {
    alias: true,
    traits: { identity: "same type" },
    precision: "own",
    doc: "The same values as another dtype.",
    operands: [tensor("self")],
    attributes: [attribute("dtype", "dtype")],
    shape: (call) => [tensorType(tensorAt(call, 0).dims, call.attributes.dtype as DType)],
    calls: [aten("to.dtype", "self", "dtype")],
    signature: "<S extends Shape, const T extends DType>(self: Tensor<S, DType>, dtype: T): Tensor<S, T>",
    method: true,
  },
  detach: {
    alias: true,
    history: "none",
    traits: { idempotent: true },
    doc: "The same values, without their history: no gradient flows back through it.",
    operands: [tensor("self")],
    shape: like,
    calls: [aten("detach", "self")],
    signature: "<S extends Shape, D extends DType>(self: Tensor<S, D>): Tensor<S, D>",
    method: true,
  },
};

export const ELEMENTWISE: readonly OpSpec[] = family("elementwise", entries);
