/** @file Storage, gradients, groups of tensors: the ops that make a step of training. */
import { sameDim } from "../../ir/dim.js";
import { groupType, type TensorType, tensorType } from "../../ir/module.js";
import { printType } from "../../ir/print-type.js";
import { aten, attribute, family, group, scalar, tensor, tensorOrScalar, when } from "../define.js";
import {
  broadcastsTo,
  elementwise,
  floatLike,
  groupLike,
  holds,
  indexWriteRule,
  int,
  maybeTensorAt,
  rankOf,
  realTensor,
  sameDtype,
  shapeText,
  tensorAt,
} from "../shapes.js";
import type { OpSpec, ShapeRule } from "../spec.js";

const nothing =
  (rule: ShapeRule): ShapeRule =>
  (call) => {
    rule(call);
    return [];
  };

/** A foreach op that returns a new group. */
const overGroup = (doc: string, calls: OpSpec["calls"], operands: OpSpec["operands"], signature: string) => ({
  doc,
  operands,
  calls,
  signature,
  method: true,
  results: ["group"] as const,
  shape: groupLike,
});

/** A foreach op that changes the storages of its first group. */
const intoGroup = (doc: string, calls: OpSpec["calls"], operands: OpSpec["operands"], signature: string) => ({
  doc,
  operands,
  calls,
  signature,
  method: true,
  results: [] as const,
  effect: "write" as const,
  shape: nothing(groupLike),
});

const groupOrScalar = { name: "other", kinds: ["group", "f64", "i64"] as const };
const listOrScalar = (name: string) => [
  when({ other: "group" }, aten(`${name}.List`, "self", "other")),
  when({ other: "scalar" }, aten(`${name}.Scalar`, "self", "other")),
];

/** An op with a `.Tensor` and a `.Scalar` overload that changes the storage of its first operand. */
const inPlace = (name: string, doc: string) => ({
  doc,
  operands: [tensor("self"), tensorOrScalar("other")],
  effect: "write" as const,
  results: [] as const,
  constraints: [
    "self is a state or a parameter",
    "other broadcasts to it, and its numbers are of no wider category",
  ],
  shape: ((call) => {
    const x = tensorAt(call, 0);
    const other = maybeTensorAt(call, 1)?.dims ?? [];
    if (!broadcastsTo(other, x.dims))
      call.fail("shape", `${call.op}: ${shapeText(other)} does not broadcast to ${shapeText(x.dims)}`);
    const [result] = elementwise()(call) as [TensorType];
    if (!holds(x.dtype, result.dtype))
      call.fail(
        "dtype",
        `${call.op}: ${result.dtype} values do not fit into ${printType(x)}; cast them with .to("${x.dtype}")`,
      );
    return [];
  }) satisfies ShapeRule,
  calls: [
    when({ other: "tensor" }, aten(`${name}_.Tensor`, "self", "other")),
    when({ other: "scalar" }, aten(`${name}_.Scalar`, "self", "other")),
  ],
  signature:
    "<S extends Shape, D extends DType, O extends Shape>(self: Tensor<S, D>, other: number | (Tensor<O, NoInfer<D>> & BroadcastsWith<S, O>)): void",
  method: true,
});

export const STORAGE: readonly OpSpec[] = family("storage", {
  copy_: {
    doc: "Writes `source` over the whole storage.",
    overwrites: true,
    operands: [tensor("self"), tensor("source")],
    effect: "write",
    results: [],
    constraints: ["self is a state or a parameter", "equal shapes"],
    shape: (call) => {
      const [x, source] = [tensorAt(call, 0), tensorAt(call, 1)];
      if (x.dims.length !== source.dims.length || x.dims.some((d, i) => !sameDim(d, source.dims[i]!))) {
        call.fail("shape", `copy_: ${shapeText(source.dims)} into ${shapeText(x.dims)}`);
      }
      return [];
    },
    calls: [aten("copy_", "self", "source")],
    signature:
      "<S extends Shape, D extends DType>(self: Tensor<S, D>, source: Tensor<NoInfer<S>, NoInfer<D>>): void",
    method: true,
  },
  index_copy_: {
    doc: "Writes `source` over the slices of the storage that `index` names along `dim`.",
    operands: [tensor("self"), tensor("index"), tensor("source")],
    attributes: [attribute("dim", "int", 0)],
    effect: "write",
    results: [],
    constraints: [
      "self is a state or a parameter",
      "where index names a slice twice, the sources must be equal",
    ],
    shape: indexWriteRule(true),
    calls: [aten("index_copy_", "self", "dim", "index", "source")],
    signature:
      '<S extends Shape, D extends DType, const A extends number = 0>(self: Tensor<S, D>, index: Tensor<readonly [number], "i64">, source: Tensor<Shape, NoInfer<D>>, dim?: A & AxisCheck<S, A>): void',
    method: true,
  },
  add_: inPlace("add", "Adds `other` to the storage."),
  mul_: inPlace("mul", "Multiplies the storage by `other`."),
  lerp_: {
    doc: "Moves the storage towards `end` by `weight`: self + weight * (end - self).",
    operands: [tensor("self"), tensor("end"), scalar("weight", "f64", "i64")],
    effect: "write",
    results: [],
    shape: (call) => {
      const [x, end] = [tensorAt(call, 0), tensorAt(call, 1)];
      if (x.dims.length !== end.dims.length || x.dims.some((d, i) => !sameDim(d, end.dims[i]!))) {
        call.fail("shape", `lerp_: ${shapeText(end.dims)} into ${shapeText(x.dims)}`);
      }
      realTensor(call, x);
      sameDtype(call, [x, end]);
      return [];
    },
    calls: [aten("lerp_.Scalar", "self", "end", "weight")],
    signature:
      "<S extends Shape, D extends DType>(self: Tensor<S, D>, end: Tensor<NoInfer<S>, NoInfer<D>>, weight: number): void",
    method: true,
  },
  state: {
    doc: "The storage of that name itself, not a copy.",
    operands: [],
    attributes: [attribute("name", "storage")],
    effect: "read",
    shape: "declared",
  },
  group: {
    doc: "The storages of that group, in order.",
    operands: [],
    attributes: [attribute("name", "group")],
    results: ["group"],
    effect: "read",
    shape: "declared",
  },
  gradients: {
    doc: "The derivative of a loss by each member of a group of parameters; zeros where the loss does not reach.",
    operands: [tensor("loss"), group("parameters")],
    results: ["group"],
    effect: "read",
    constraints: ["the loss has shape []", "the members are floating-point parameters"],
    differentiates: { by: "parameters", loss: "loss" },
    precision: "declared",
    shape: (call) => {
      const loss = tensorAt(call, 0);
      if (loss.dims.length !== 0)
        call.fail("shape", `gradients: the loss must be one number, got ${shapeText(loss.dims)}`);
      return [call.operands[1]!];
    },
  },
  leaf: {
    doc: "The same values without their history, as something that a vector-Jacobian product can be asked for.",
    operands: [tensor("self")],
    effect: "read",
    history: "leaf",
    constraints: ["floating point"],
    shape: floatLike,
  },
  tracked: {
    doc: "The same values, by which a derivative can be taken.",
    operands: [tensor("self")],
    effect: "read",
    alias: true,
    precision: "own",
    constraints: ["floating point"],
    shape: floatLike,
  },
  gradient_of: {
    doc: "The derivative of a loss by tensors; it has derivatives itself. Zeros where the loss does not reach.",
    operands: [tensor("loss"), tensor("values", "variadic")],
    results: ["*"],
    effect: "read",
    derives: { loss: "loss", by: "values" },
    precision: "own",
    constraints: ["the loss has shape []", "the values are results of tracked"],
    shape: (call) => {
      const loss = tensorAt(call, 0);
      if (loss.dims.length !== 0)
        call.fail("shape", `gradient_of: the loss must be one number, got ${shapeText(loss.dims)}`);
      return call.operands.slice(1).map((_, i) => tensorAt(call, i + 1));
    },
  },
  vjp: {
    doc: "The vector-Jacobian product of tensors: their derivatives, weighted by cotangents of their shapes, by each member of a group of parameters and by each of some leaves; zeros where they do not reach. `values` are the tensors, as many cotangents, and the leaves; `retain` keeps what another product needs.",
    operands: [group("parameters"), tensor("values", "variadic")],
    attributes: [attribute("outputs", "int"), attribute("retain", "bool", false)],
    results: ["*"],
    effect: "read",
    differentiates: { by: "parameters", products: "values" },
    constraints: [
      "each cotangent has the type of its output",
      "the leaves are results of leaf",
      "the members are floating-point parameters",
    ],
    shape: (call) => {
      const outputs = int(call, "outputs");
      if (outputs < 1 || call.operands.length < 1 + 2 * outputs)
        call.fail("kind", `vjp: ${outputs} outputs need as many cotangents`);
      for (let i = 1; i <= outputs; i++) {
        const [output, cotangent] = [tensorAt(call, i), tensorAt(call, i + outputs)];
        if (printType(output) !== printType(cotangent))
          call.fail("shape", `vjp: cotangent ${printType(cotangent)} of output ${printType(output)}`);
      }
      return [call.operands[0]!, ...call.operands.slice(1 + 2 * outputs).map((t) => t!)];
    },
  },
});

const G = "<G extends string>(self: Tensors<G>";

/** `other` is a list, or a number that is added to each member. */
const sumRule: ShapeRule = (call) => {
  const [, other, scale] = call.operands;
  if (other?.kind === "scalar" && scale)
    call.fail("kind", "foreach_add: a number has no scale", "multiply the number");
  return groupLike(call);
};

export const GROUPS: readonly OpSpec[] = family("groups", {
  members: {
    doc: "The members of another group, out of lists that have them: each from the first that does.",
    operands: [{ name: "lists", kinds: ["group"], variadic: true }],
    attributes: [attribute("group", "layout")],
    results: ["group"],
    constraints: ["one of the lists has each of the members"],
    shape: (call) => [groupType(call.attributes.group as string)],
    alias: true,
  },
  foreach_add: {
    ...overGroup(
      "The sum self + scale * other, member by member; `other` may be a number, without a scale.",
      [
        when({ other: "scalar" }, aten("_foreach_add.Scalar", "self", "other")),
        when({ scale: "none" }, aten("_foreach_add.List", "self", "other")),
        aten("_foreach_add.List", "self", "other", "alpha=scale"),
      ],
      [group("self"), groupOrScalar, { ...scalar("scale", "f64", "i64"), optional: true }],
      `${G}, other: Tensors<G> | number, scale?: number): Tensors<G>`,
    ),
    shape: sumRule,
  },
  foreach_mul: overGroup(
    "The product, member by member.",
    listOrScalar("_foreach_mul"),
    [group("self"), groupOrScalar],
    `${G}, other: Tensors<G> | number): Tensors<G>`,
  ),
  foreach_div: overGroup(
    "The quotient, member by member.",
    listOrScalar("_foreach_div"),
    [group("self"), groupOrScalar],
    `${G}, other: Tensors<G> | number): Tensors<G>`,
  ),
  foreach_sqrt: overGroup(
    "The square root, member by member.",
    [aten("_foreach_sqrt", "self")],
    [group("self")],
    `${G}): Tensors<G>`,
  ),
  foreach_add_: intoGroup(
    "Adds scale * other to the storages of self.",
    [aten("_foreach_add_.List", "self", "other", "alpha=scale")],
    [group("self"), group("other"), scalar("scale", "f64", "i64")],
    `${G}, other: Tensors<G>, scale: number): void`,
  ),
  foreach_mul_: intoGroup(
    "Multiplies the storages of self.",
    listOrScalar("_foreach_mul_"),
    [group("self"), groupOrScalar],
    `${G}, other: Tensors<G> | number): void`,
  ),
  foreach_lerp_: intoGroup(
    "Moves the storages of self towards other by `weight`: self + weight * (other - self).",
    [aten("_foreach_lerp_.Scalar", "self", "other", "weight")],
    [group("self"), group("other"), scalar("weight", "f64", "i64")],
    `${G}, other: Tensors<G>, weight: number): void`,
  ),
  foreach_copy_: {
    ...intoGroup(
      "Copies other into the storages of self.",
      [aten("_foreach_copy_", "self", "other")],
      [group("self"), group("other")],
      `${G}, other: Tensors<G>): void`,
    ),
    overwrites: true,
  },
  foreach_restore_: {
    doc: "Puts `saved` back into the storages of self unless `keep` holds.",
    operands: [group("self"), group("saved"), tensor("keep")],
    results: [],
    effect: "write",
    constraints: ["keep is bool, of shape []"],
    shape: (call) => {
      groupLike(call);
      const keep = tensorAt(call, 2);
      if (keep.dtype !== "bool" || keep.dims.length !== 0)
        call.fail("shape", `foreach_restore_: keep must be bool[], got ${printType(keep)}`);
      return [];
    },
    signature: `${G}, saved: Tensors<G>, keep: Tensor<readonly [], "bool">): void`,
    method: true,
  },
  foreach_norm: {
    doc: "The L2 length of all members together.",
    operands: [group("self")],
    shape: () => [tensorType([], "f32")],
    calls: [{ target: "special", args: [] }],
    signature: `${G}): Tensor<readonly [], "f32">`,
    method: true,
  },
  foreach_norms: {
    doc: "The L2 length of each member: as many numbers as there are members.",
    operands: [group("self")],
    attributes: [attribute("members", "count")],
    shape: (call) => {
      groupLike(call);
      return [tensorType([int(call, "members")], "f32")];
    },
    calls: [{ target: "special", args: [] }],
    signature: `${G}): Tensor<readonly [number], "f32">`,
    method: true,
  },
  foreach_scale_each: {
    doc: "Each member times its own number: `factors` has as many as there are members.",
    operands: [group("self"), tensor("factors")],
    attributes: [attribute("members", "count")],
    results: ["group"],
    constraints: ["factors has shape [members]"],
    shape: (call) => {
      const [members, { dims }] = [int(call, "members"), tensorAt(call, 1)];
      if (dims.length !== 1 || !sameDim(dims[0]!, members))
        call.fail("shape", `foreach_scale_each: ${shapeText(dims)} for ${members} members`);
      return groupLike(call);
    },
    calls: [{ target: "special", args: [] }],
    signature: `${G}, factors: Tensor<readonly [number], "f32">): Tensors<G>`,
    method: true,
  },
  foreach_scale_rows: {
    doc: "Each row of each member times its own number: `factors` has as many as each member has rows.",
    operands: [group("self"), tensor("factors")],
    results: ["group"],
    constraints: ["factors has shape [rows]"],
    shape: (call) => {
      rankOf(call, tensorAt(call, 1), 1, "the factors");
      return groupLike(call);
    },
    calls: [{ target: "special", args: [] }],
    signature: `${G}, factors: Tensor<readonly [number], "f32">): Tensors<G>`,
    method: true,
  },
  foreach_scale: {
    doc: "Each member times a tensor of rank 0.",
    operands: [group("self"), tensor("factor")],
    results: ["group"],
    shape: (call) => {
      rankOf(call, tensorAt(call, 1), 0, "the factor");
      return groupLike(call);
    },
    calls: [aten("_foreach_mul.Tensor", "self", "factor")],
    signature: `${G}, factor: Tensor<readonly [], "f32">): Tensors<G>`,
    method: true,
  },
});
