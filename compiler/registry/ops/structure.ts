/** @file Views, joins, reductions and indexing. */
import { addDims, sameDim } from "../../ir/dim.js";
import { type DType, type TensorType, type Type, tensorType } from "../../ir/module.js";
import { aten, attribute, family, scalar, tensor, tensorOrScalar, when } from "../define.js";
import {
  axis,
  broadcastDims,
  catRule,
  distinctAxes,
  floatLike,
  indexDtype,
  indexSelectRule,
  indexWriteRule,
  int,
  ints,
  isFloat,
  like,
  maybeTensorAt,
  rankOf,
  reducedAxes,
  reducedDims,
  reduction,
  sameDtype,
  sameRankIndex,
  shapeText,
  sizesOf,
  tensorAt,
  viewDims,
} from "../shapes.js";
import type { OpSpec, ShapeCall } from "../spec.js";

const ANY = "<S extends Shape, D extends DType>(self: Tensor<S, D>";
const REDUCE =
  "<S extends Shape, D extends DType, const A extends number | readonly number[] = readonly [], const K extends boolean = false>(self: Tensor<S, D>, dim?: A & AxisCheck<S, A>, options?: { keepdim?: K }): Tensor<Reduced<S, A, K>, D>";

const REDUCE_FLOATS = REDUCE.replace("D extends DType", "D extends FloatDType");

const SOFTMAX =
  "<S extends Shape, D extends FloatDType, const A extends number>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>): Tensor<S, D>";

const ORDERED =
  "<S extends Shape, D extends DType, const A extends number = -1>(self: Tensor<S, D>, dim?: A & AxisCheck<S, A>, options?: { descending?: boolean }): RESULT";

const summed = (dtype: DType): DType => (isFloat(dtype) ? dtype : "i64");

const reduce = (name: string, doc: string, entry: Partial<OpSpec> & Pick<OpSpec, "shape">) => ({
  doc,
  operands: [tensor("self")],
  attributes: [attribute("dim", "ints", []), attribute("keepdim", "bool", false)],
  calls: [aten(name, "self", "dim", "keepdim")],
  signature: REDUCE,
  method: true,
  ...entry,
});

/** `std` and `var`. */
const spread = (name: string, doc: string) =>
  reduce(`${name}.correction`, doc, {
    precision: "full",
    attributes: [
      attribute("dim", "ints", null),
      attribute("correction", "int", 1),
      attribute("keepdim", "bool", false),
    ],
    constraints: ["dim names at least one", "more than `correction` values"],
    shape: (call) => {
      if (call.attributes.dim !== undefined && ints(call, "dim").length === 0)
        call.fail("dim", `${call.op}: \`dim\` names no dimension`);
      const [result] = reduction({ float: true })(call) as [TensorType];
      const x = tensorAt(call, 0);
      const known = reducedAxes(call, x).map((i) => x.dims[i]!);
      const count = known.every((d) => typeof d === "number") ? known.reduce((a, b) => a * b, 1) : undefined;
      const correction = int(call, "correction");
      if (count !== undefined && count <= correction)
        call.fail(
          "size",
          `${call.op}: ${count} value${count === 1 ? "" : "s"} of ${shapeText(x.dims)} with a correction of ${correction}, which would divide by nothing`,
          "{ correction: 0 } divides by the number of values",
        );
      return [result];
    },
    calls: [aten(`${name}.correction`, "self", "dim", "correction=correction", "keepdim=keepdim")],
    signature: REDUCE_FLOATS.replace("{ keepdim?: K }", "{ correction?: number; keepdim?: K }"),
  });

export const VIEWS: readonly OpSpec[] = family("views", {
  reshape: {
    traits: { identity: "same type" },
    doc: "The same elements in another shape; one size may be -1: what is left.",
    operands: [tensor("self")],
    attributes: [attribute("shape", "ints")],
    constraints: ["the number of elements stays"],
    shape: (call) => [
      tensorType(viewDims(call, tensorAt(call, 0), ints(call, "shape")), tensorAt(call, 0).dtype),
    ],
    calls: [aten("reshape", "self", "shape")],
    signature:
      "<D extends DType, const T extends Shape>(self: Tensor<Shape, D>, shape: T): Tensor<Reshaped<T>, D>",
    method: true,
  },
  flatten: {
    traits: { identity: "same type" },
    doc: "Joins the dimensions from `start` on into one.",
    operands: [tensor("self")],
    attributes: [attribute("start", "int", 1)],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const start = axis(call, x.dims.length, int(call, "start"));
      const known = x.dims.slice(start);
      const view = viewDims(call, tensorType(known, x.dtype), [-1]);
      return [tensorType([...x.dims.slice(0, start), ...view], x.dtype)];
    },
    calls: [aten("flatten.using_ints", "self", "start", "#-1")],
    signature:
      "<N extends number, R extends Shape, D extends DType>(self: Tensor<readonly [N, ...R], D>): Tensor<readonly [N, Product<R>], D>",
    method: true,
  },
  permute: {
    doc: "The dimensions in another order.",
    operands: [tensor("self")],
    attributes: [attribute("order", "ints")],
    constraints: ["order names every dimension once"],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const order = ints(call, "order").map((d) => axis(call, x.dims.length, d));
      if (order.length !== x.dims.length || new Set(order).size !== order.length) {
        call.fail("dim", `permute: [${order.join(", ")}] is not an order of ${x.dims.length} dimensions`);
      }
      return [
        tensorType(
          order.map((d) => x.dims[d]!),
          x.dtype,
        ),
      ];
    },
    calls: [aten("permute", "self", "order")],
    signature:
      "<S extends Shape, D extends DType, const P extends Shape>(self: Tensor<S, D>, order: P & OrderCheck<S, P>): Tensor<Permuted<S, P>, D>",
    method: true,
  },
  transpose: {
    doc: "Two dimensions swapped.",
    operands: [tensor("self")],
    attributes: [attribute("a", "int"), attribute("b", "int")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const [a, b] = [axis(call, x.dims.length, int(call, "a")), axis(call, x.dims.length, int(call, "b"))];
      return [
        tensorType(
          x.dims.map((d, i) => (i === a ? x.dims[b]! : i === b ? x.dims[a]! : d)),
          x.dtype,
        ),
      ];
    },
    calls: [aten("transpose.int", "self", "a", "b")],
    signature:
      "<S extends Shape, D extends DType, const A extends number, const B extends number>(self: Tensor<S, D>, a: A & AxisCheck<S, A>, b: B & AxisCheck<S, B>): Tensor<Transposed<S, A, B>, D>",
    method: true,
  },
  unsqueeze: {
    doc: "A new dimension of size 1.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const at = axis(call, x.dims.length, int(call, "dim"), 1);
      return [tensorType([...x.dims.slice(0, at), 1, ...x.dims.slice(at)], x.dtype)];
    },
    calls: [aten("unsqueeze", "self", "dim")],
    signature:
      "<S extends Shape, D extends DType, const A extends number>(self: Tensor<S, D>, dim: A & NewAxisCheck<S, A>): Tensor<Inserted<S, A, 1>, D>",
    method: true,
  },
  squeeze: {
    doc: "Drops a dimension of size 1.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const at = axis(call, x.dims.length, int(call, "dim"));
      if (x.dims[at] !== 1) call.fail("shape", `squeeze: dimension ${at} of ${shapeText(x.dims)} is not 1`);
      return [
        tensorType(
          x.dims.filter((_, i) => i !== at),
          x.dtype,
        ),
      ];
    },
    calls: [aten("squeeze.dim", "self", "dim")],
    signature:
      "<S extends Shape, D extends DType, const A extends number>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>): Tensor<Removed<S, A>, D>",
    method: true,
  },
  expand: {
    traits: { identity: "same type" },
    doc: "Repeats dimensions of size 1 without copying; -1 keeps a size.",
    operands: [tensor("self")],
    attributes: [attribute("shape", "ints")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const lead = ints(call, "shape").length - x.dims.length;
      if (lead < 0)
        call.fail(
          "rank",
          `expand: ${shapeText(x.dims)} has more dimensions than ${shapeText(ints(call, "shape"))}`,
        );
      const lost = ints(call, "shape").findIndex((d, i) => d < 0 && (d !== -1 || i < lead));
      if (lost >= 0)
        call.fail(
          "size",
          `expand: there is no size to keep in dimension ${lost} of ${shapeText(ints(call, "shape"))}`,
        );
      const target = ints(call, "shape").map((d, i) => (d === -1 && i >= lead ? x.dims[i - lead]! : d));
      const result = broadcastDims(call, x.dims, target);
      if (result.some((d, i) => !sameDim(d, target[i]!)))
        call.fail("shape", `expand: ${shapeText(x.dims)} does not expand to ${shapeText(target)}`);
      return [tensorType(result, x.dtype)];
    },
    calls: [aten("expand", "self", "shape")],
    signature:
      "<D extends DType, const T extends Shape>(self: Tensor<Shape, D>, shape: T): Tensor<Reshaped<T>, D>",
    method: true,
  },
  flip: {
    traits: { keepsLayout: true },
    doc: "Reverses the order along dimensions; dimension 3 of images mirrors them.",
    operands: [tensor("self")],
    attributes: [attribute("dims", "ints")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      distinctAxes(call, x, ints(call, "dims"));
      return [x];
    },
    calls: [aten("flip", "self", "dims")],
    signature:
      "<S extends Shape, D extends DType, const A extends readonly number[]>(self: Tensor<S, D>, dims: A & AxisCheck<S, A>): Tensor<S, D>",
    method: true,
  },
  slice: {
    doc: "Elements `start` to `end` (not included) along `dim`; negative positions count from the end.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int"), attribute("start", "int"), attribute("end", "int")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const at = axis(call, x.dims.length, int(call, "dim"));
      const size = x.dims[at]!;
      const position = (p: number) => (p < 0 ? addDims(size, p) : p);
      const [start, end] = [position(int(call, "start")), position(int(call, "end"))];
      if (
        typeof size === "number" &&
        (Number(end) > size || Number(start) < 0 || Number(start) > Number(end))
      ) {
        call.fail(
          "dim",
          `slice: ${int(call, "start")} to ${int(call, "end")} is not within dimension ${at} of ${shapeText(x.dims)}`,
          Number(end) > size
            ? `dimension ${at} has ${size}, so the end is ${size} at most: .slice(${at}, ${Math.min(int(call, "start"), size)}, ${size})`
            : "the start is 0 at least and not behind the end; -1 is the last position, and the end is not part of the slice",
        );
      }
      return [
        tensorType(
          x.dims.map((d, i) => (i === at ? addDims(end, start, -1) : d)),
          x.dtype,
        ),
      ];
    },
    calls: [aten("slice.Tensor", "self", "dim", "start", "end")],
    signature:
      "<S extends Shape, D extends DType, const A extends number>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>, start: number, end: number): Tensor<ReplaceDim<S, A, number>, D>",
    method: true,
  },
  narrow: {
    doc: "`length` elements along `dim` from `start` on, which may be a run-time number; a negative one counts from the end.",
    operands: [tensor("self"), scalar("start", "i64")],
    attributes: [attribute("dim", "int"), attribute("length", "int")],
    order: ["self", "dim", "start", "length"],
    constraints: [
      "`start` and `length` are within the dimension, which a run-time `start` is held to when it runs",
    ],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const at = axis(call, x.dims.length, int(call, "dim"));
      const [size, length] = [x.dims[at]!, int(call, "length")];
      sizesOf(call, [length]);
      if (typeof size === "number" && length > size)
        call.fail("size", `narrow: ${length} elements of dimension ${at} of ${shapeText(x.dims)}`);
      return [
        tensorType(
          x.dims.map((d, i) => (i === at ? length : d)),
          x.dtype,
        ),
      ];
    },
    calls: [aten("narrow", "self", "dim", "start", "length")],
    signature:
      "<S extends Shape, D extends DType, const A extends number, const L extends number>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>, start: number, length: L): Tensor<ReplaceDim<S, A, L>, D>",
    method: true,
    example: "const block = bank.narrow(0, plan.block, 64);",
  },
  select: {
    doc: "One slice along `dim`, which disappears.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int"), attribute("index", "int")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const at = axis(call, x.dims.length, int(call, "dim"));
      const size = x.dims[at]!;
      if (typeof size === "number" && (int(call, "index") >= size || int(call, "index") < -size)) {
        call.fail(
          "dim",
          `select: there is no ${int(call, "index")} in dimension ${at} of ${shapeText(x.dims)}`,
        );
      }
      return [
        tensorType(
          x.dims.filter((_, i) => i !== at),
          x.dtype,
        ),
      ];
    },
    calls: [aten("select.int", "self", "dim", "index")],
    signature:
      "<S extends Shape, D extends DType, const A extends number>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>, index: number): Tensor<Removed<S, A>, D>",
    method: true,
  },
  chunk: {
    doc: "Divides `dim` into `chunks` parts of one size, the last smaller or absent where they do not fill it.",
    operands: [tensor("self")],
    attributes: [attribute("chunks", "int"), attribute("dim", "int", 0)],
    results: ["*"],
    constraints: ["the size of `dim` is known"],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const at = axis(call, x.dims.length, int(call, "dim"));
      sizesOf(call, [int(call, "chunks")], 1);
      const size = x.dims[at]!;
      if (typeof size !== "number")
        return call.fail("size", `chunk: dimension ${at} of ${shapeText(x.dims)} has an open size`);
      // Of nothing there are as many parts as asked for, as torch has it.
      const part = Math.ceil(size / int(call, "chunks"));
      const count = part === 0 ? int(call, "chunks") : Math.ceil(size / part);
      return Array.from({ length: count }, (_, i) =>
        tensorType(
          x.dims.map((d, j) => (j === at ? Math.min(part, size - i * part) : d)),
          x.dtype,
        ),
      );
    },
    calls: [aten("chunk", "self", "chunks", "dim")],
    signature:
      "<S extends Shape, D extends DType, const A extends number = 0>(self: Tensor<S, D>, chunks: number, dim?: A & AxisCheck<S, A>): readonly Tensor<ReplaceDim<S, A, number>, D>[]",
    method: true,
    example: "const [value, gate] = x.chunk(2, 1);",
  },
  cat: {
    traits: { keepsLayout: true },
    doc: "Joins tensors along an existing dimension.",
    operands: [tensor("tensors", "variadic")],
    attributes: [attribute("dim", "int", 0)],
    constraints: ["equal dtypes", "equal sizes outside `dim`"],
    shape: catRule,
    calls: [aten("cat", "tensors", "dim")],
    signature:
      "<const T extends readonly Tensor[], const A extends number = 0>(tensors: T & CatCheck<T, A>, dim?: A & AxisCheck<ShapeOf<T[0]>, A>): Tensor<ReplaceDim<ShapeOf<T[0]>, A, number>, DTypeOf<T[0]>>",
    example: "const both = cat([px, py]);",
  },
  stack: {
    doc: "Joins tensors of one shape along a new dimension.",
    operands: [tensor("tensors", "variadic")],
    attributes: [attribute("dim", "int", 0)],
    shape: (call) => {
      const first = tensorAt(call, 0);
      call.operands.forEach((_, i) => {
        const t = tensorAt(call, i);
        if (t.dims.length !== first.dims.length || t.dims.some((d, j) => !sameDim(d, first.dims[j]!))) {
          call.fail("shape", `stack: ${shapeText(first.dims)} and ${shapeText(t.dims)} differ`);
        }
        sameDtype(call, [first, t]);
      });
      const at = axis(call, first.dims.length, int(call, "dim"), 1);
      return [
        tensorType([...first.dims.slice(0, at), call.operands.length, ...first.dims.slice(at)], first.dtype),
      ];
    },
    calls: [aten("stack", "tensors", "dim")],
    signature:
      '<const T extends readonly Tensor[], const A extends number = 0>(tensors: T & StackCheck<T>, dim?: A & NewAxisCheck<ShapeOf<T[0]>, A>): Tensor<Inserted<ShapeOf<T[0]>, A, T["length"]>, DTypeOf<T[0]>>',
  },
  contiguous: {
    doc: "The same values in one dense block of memory.",
    operands: [tensor("self")],
    shape: like,
    calls: [aten("contiguous", "self")],
    signature: `${ANY}): Tensor<S, D>`,
    method: true,
  },
  channels_last: {
    doc: "The same images with the channels of a pixel side by side in memory, as fast convolutions read them.",
    operands: [tensor("self")],
    constraints: ["four dimensions"],
    shape: (call) => {
      rankOf(call, tensorAt(call, 0), 4, "the images [N, C, H, W]");
      return like(call);
    },
    calls: [aten("contiguous", "self", "memory_format=$channels_last")],
    signature: `${ANY}): Tensor<S, D>`,
    method: true,
  },
});

/** An op on floating-point numbers along one existing dimension. */
const alongAxis = (call: ShapeCall): readonly Type[] => {
  axis(call, tensorAt(call, 0).dims.length, int(call, "dim"));
  return floatLike(call);
};

export const REDUCTIONS: readonly OpSpec[] = family("reductions", {
  sum: reduce("sum.dim_IntList", "The sum over `dim`, or over everything; bool and integers sum to i64.", {
    precision: "full",
    shape: reduction({ dtype: summed }),
    signature: REDUCE.replace("K>, D>", "K>, Summed<D>>"),
  }),
  mean: reduce("mean.dim", "The mean over `dim`, or over everything.", {
    precision: "full",
    shape: reduction({ float: true }),
    signature: REDUCE_FLOATS,
  }),
  amax: reduce("amax", "The largest value over `dim`, or over everything.", { shape: reduction() }),
  amin: reduce("amin", "The smallest value over `dim`, or over everything.", { shape: reduction() }),
  logsumexp: reduce("logsumexp", "log of the sum of exponentials over `dim`, without overflow.", {
    precision: "full",
    attributes: [attribute("dim", "ints"), attribute("keepdim", "bool", false)],
    constraints: ["dim names at least one"],
    shape: (call) => {
      if (ints(call, "dim").length === 0) call.fail("dim", "logsumexp: `dim` names no dimension");
      return reduction({ float: true })(call);
    },
    signature: REDUCE_FLOATS,
  }),
  norm: reduce("linalg_vector_norm", "The L2 length over `dim`, or of everything.", {
    precision: "full",
    shape: reduction({ float: true }),
    signature: REDUCE_FLOATS,
    calls: [aten("linalg_vector_norm", "self", "#2", "dim", "keepdim")],
  }),
  var: spread("var", "The variance over `dim`, or over everything: squares divided by n - `correction`."),
  std: spread("std", "The standard deviation over `dim`, or over everything, the square root of `var`."),
  cumsum: {
    precision: "full",
    doc: "The sum of each element and all before it along `dim`; bool and integers sum to i64.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int")],
    shape: (call) => {
      const x = tensorAt(call, 0);
      axis(call, x.dims.length, int(call, "dim"));
      return [tensorType(x.dims, summed(x.dtype))];
    },
    calls: [aten("cumsum", "self", "dim")],
    signature:
      "<S extends Shape, D extends DType, const A extends number>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>): Tensor<S, Summed<D>>",
    method: true,
  },
  sort: {
    doc: "The values along `dim` in order, and where each stood; equal ones stay in the order in which they stood.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int", -1), attribute("descending", "bool", false)],
    results: ["tensor", "tensor"],
    shape: (call) => {
      const x = tensorAt(call, 0);
      axis(call, x.dims.length, int(call, "dim"));
      return [x, tensorType(x.dims, "i64")];
    },
    calls: [aten("sort.stable", "self", "stable=#True", "dim=dim", "descending=descending")],
    signature: ORDERED.replace("RESULT", 'readonly [Tensor<S, D>, Tensor<S, "i64">]'),
    method: true,
    example: "const [values, places] = x.sort(1, { descending: true });",
  },
  argsort: {
    doc: "Where the values along `dim` stood, in their order; equal ones stay in the order in which they stood.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int", -1), attribute("descending", "bool", false)],
    shape: (call) => {
      const x = tensorAt(call, 0);
      axis(call, x.dims.length, int(call, "dim"));
      return [tensorType(x.dims, "i64")];
    },
    calls: [aten("argsort.stable", "self", "stable=#True", "dim=dim", "descending=descending")],
    signature: ORDERED.replace("RESULT", 'Tensor<S, "i64">'),
    method: true,
  },
  argmax: {
    doc: "The index of the largest value along `dim`.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int"), attribute("keepdim", "bool", false)],
    shape: (call) => [tensorType(reducedDims(call, tensorAt(call, 0)), "i64")],
    calls: [aten("argmax", "self", "dim", "keepdim")],
    signature:
      '<S extends Shape, D extends DType, const A extends number, const K extends boolean = false>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>, options?: { keepdim?: K }): Tensor<Reduced<S, A, K>, "i64">',
    method: true,
  },
  topk: {
    doc: "The `k` largest values along the last dimension, in order, and their indices.",
    operands: [tensor("self")],
    attributes: [attribute("k", "int")],
    results: ["tensor", "tensor"],
    constraints: ["k is at most the size of the last dimension"],
    shape: (call) => {
      const x = tensorAt(call, 0);
      const last = x.dims.at(-1) ?? call.fail("rank", "topk: a tensor without dimensions has no last one");
      if (typeof last === "number" && (int(call, "k") > last || int(call, "k") < 1)) {
        call.fail("size", `topk: k = ${int(call, "k")} of ${shapeText(x.dims)}`);
      }
      const dims = [...x.dims.slice(0, -1), int(call, "k")];
      return [tensorType(dims, x.dtype), tensorType(dims, "i64")];
    },
    calls: [aten("topk", "self", "k", "#-1", "#True", "#True")],
    signature:
      '<S extends Shape, D extends DType, const K extends number>(self: Tensor<S, D>, k: K): readonly [Tensor<ReplaceLast<S, K>, D>, Tensor<ReplaceLast<S, K>, "i64">]',
    method: true,
    example: "const [hardest] = cosine.topk(3);",
  },
  softmax: {
    precision: "full",
    doc: "exp(x) / sum(exp(x)) along `dim`.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int")],
    shape: alongAxis,
    calls: [aten("softmax.int", "self", "dim")],
    signature: SOFTMAX,
    method: true,
  },
  log_softmax: {
    precision: "full",
    doc: "The logarithm of softmax along `dim`, without overflow.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int")],
    shape: alongAxis,
    calls: [aten("log_softmax.int", "self", "dim")],
    signature: SOFTMAX,
    method: true,
  },
  cross_entropy: {
    precision: "full",
    doc: "-log softmax(self)[target], one value a row; 0 where the target is -1.",
    operands: [tensor("self"), tensor("target")],
    constraints: ["self is [N, C] floating point", "target is [N] i64, each -1 or below C"],
    shape: (call) => {
      const [x, target] = [floatLike(call)[0] as ReturnType<typeof tensorAt>, tensorAt(call, 1)];
      rankOf(call, x, 2, "the logits [N, C]");
      indexDtype(call, target);
      if (target.dims.length !== 1 || !sameDim(target.dims[0]!, x.dims[0]!)) {
        call.fail(
          "shape",
          `cross_entropy: targets ${shapeText(target.dims)} for logits ${shapeText(x.dims)}`,
        );
      }
      return [tensorType([x.dims[0]!], x.dtype)];
    },
    calls: [aten("cross_entropy_loss", "self", "target", "#None", "#0", "#-1", "#0.0")],
    signature:
      '<N extends number, C extends number, D extends FloatDType>(self: Tensor<readonly [N, C], D>, target: Tensor<readonly [NoInfer<N>], "i64">): Tensor<readonly [N], D>',
  },
});

const sameRank = (call: ShapeCall): readonly Type[] => {
  sameRankIndex(call, tensorAt(call, 0), tensorAt(call, 1));
  return [tensorAt(call, 0)];
};

/** scatter and scatter_add: every index has a value of the source. */
const scatterRule = (call: ShapeCall): readonly Type[] => {
  const [x, index, source] = [tensorAt(call, 0), tensorAt(call, 1), maybeTensorAt(call, 2)];
  sameDtype(call, [x, source]);
  const covered =
    !source ||
    (source.dims.length === index.dims.length &&
      index.dims.every((d, i) => {
        const size = source.dims[i]!;
        return typeof d === "number" && typeof size === "number" ? d <= size : sameDim(d, size);
      }));
  if (!covered)
    call.fail(
      "shape",
      `${call.op}: index ${shapeText(index.dims)} does not fit the source ${shapeText(source!.dims)}`,
    );
  return sameRank(call);
};

/** What a program may hold of a list. */
const MOST_NUMBERS = 65_536;

/** The least and the largest value of each dtype of whole numbers. */
const WHOLE: Partial<Record<DType, readonly [number, number]>> = {
  bool: [0, 1],
  u8: [0, 255],
  i32: [-(2 ** 31), 2 ** 31 - 1],
  i64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Whether a number is one of a dtype, or rounds to one. */
function hasValue(dtype: DType, value: number): boolean {
  const [least, largest] = WHOLE[dtype] ?? [];
  return least === undefined || (Number.isInteger(value) && least <= value && value <= largest!);
}

export const INDEXING: readonly OpSpec[] = family("indexing", {
  index_select: {
    doc: "The slices that `index` names, along `dim`.",
    operands: [tensor("self"), tensor("index")],
    attributes: [attribute("dim", "int", 0)],
    constraints: ["index is [n] i64"],
    shape: indexSelectRule,
    calls: [aten("index_select", "self", "dim", "index")],
    signature:
      '<S extends Shape, D extends DType, N extends number, const A extends number = 0>(self: Tensor<S, D>, index: Tensor<readonly [N], "i64">, dim?: A & AxisCheck<S, A>): Tensor<ReplaceDim<S, A, N>, D>',
    method: true,
  },
  gather: {
    doc: "Picks by index: out[i][j] = self[i][index[i][j]] along `dim` 1, and so on for other dimensions.",
    operands: [tensor("self"), tensor("index")],
    attributes: [attribute("dim", "int")],
    shape: (call) => {
      sameRankIndex(call, tensorAt(call, 0), tensorAt(call, 1));
      return [tensorType(tensorAt(call, 1).dims, tensorAt(call, 0).dtype)];
    },
    calls: [aten("gather", "self", "dim", "index")],
    signature:
      '<S extends Shape, D extends DType, I extends Shape, const A extends number>(self: Tensor<S, D>, index: Tensor<I, "i64">, dim: A & AxisCheck<S, A>): Tensor<I, D>',
    method: true,
  },
  scatter: {
    doc: "A copy of self in which out[i][index[i][j]] = source[i][j] along `dim` 1, and so on; the source may be a number.",
    operands: [tensor("self"), tensor("index"), tensorOrScalar("source")],
    attributes: [attribute("dim", "int")],
    constraints: ["the source has the dtype of self, and the index is no larger than it in any dimension"],
    shape: scatterRule,
    calls: [
      when({ source: "tensor" }, aten("scatter.src", "self", "dim", "index", "source")),
      when({ source: "scalar" }, aten("scatter.value", "self", "dim", "index", "source")),
    ],
    signature:
      '<S extends Shape, D extends DType, I extends Shape, const A extends number>(self: Tensor<S, D>, index: Tensor<I, "i64">, source: Tensor<NoInfer<I>, NoInfer<D>> | number, dim: A & AxisCheck<S, A>): Tensor<S, D>',
    method: true,
  },
  scatter_add: {
    doc: "A copy of self to which out[i][index[i][j]] += source[i][j] was done along `dim` 1, and so on.",
    operands: [tensor("self"), tensor("index"), tensor("source")],
    attributes: [attribute("dim", "int")],
    constraints: ["the source has the dtype of self, and the index is no larger than it in any dimension"],
    shape: scatterRule,
    calls: [aten("scatter_add", "self", "dim", "index", "source")],
    signature:
      '<S extends Shape, D extends DType, I extends Shape, const A extends number>(self: Tensor<S, D>, index: Tensor<I, "i64">, source: Tensor<NoInfer<I>, NoInfer<D>>, dim: A & AxisCheck<S, A>): Tensor<S, D>',
    method: true,
  },
  index_copy: {
    doc: "A copy of self with the slices that `index` names along `dim` replaced by `source`.",
    operands: [tensor("self"), tensor("index"), tensor("source")],
    attributes: [attribute("dim", "int", 0)],
    constraints: ["index is [n] i64; where it names a slice twice, the gradient counts that slice twice"],
    shape: indexWriteRule(false),
    calls: [aten("index_copy", "self", "dim", "index", "source")],
    signature:
      '<S extends Shape, D extends DType, const A extends number = 0>(self: Tensor<S, D>, index: Tensor<readonly [number], "i64">, source: Tensor<Shape, NoInfer<D>>, dim?: A & AxisCheck<S, A>): Tensor<S, D>',
    method: true,
  },
  index_add: {
    doc: "A copy of self with `source` added to the slices that `index` names along `dim`.",
    operands: [tensor("self"), tensor("index"), tensor("source")],
    attributes: [attribute("dim", "int", 0)],
    shape: indexWriteRule(false),
    calls: [aten("index_add", "self", "dim", "index", "source")],
    signature:
      '<S extends Shape, D extends DType, const A extends number = 0>(self: Tensor<S, D>, index: Tensor<readonly [number], "i64">, source: Tensor<Shape, NoInfer<D>>, dim?: A & AxisCheck<S, A>): Tensor<S, D>',
    method: true,
  },
  one_hot: {
    doc: "Row i is 1 at target[i], 0 elsewhere; as i64.",
    operands: [tensor("self")],
    attributes: [attribute("classes", "int")],
    shape: (call) => {
      indexDtype(call, tensorAt(call, 0));
      sizesOf(call, [int(call, "classes")], 1);
      return [tensorType([...tensorAt(call, 0).dims, int(call, "classes")], "i64")];
    },
    calls: [aten("one_hot", "self", "classes")],
    signature:
      '<N extends number, const C extends number>(self: Tensor<readonly [N], "i64">, classes: C): Tensor<readonly [N, C], "i64">',
  },
  arange: {
    doc: "0, 1, … size-1 as i64.",
    operands: [],
    attributes: [attribute("size", "int")],
    shape: (call) => [tensorType(sizesOf(call, [int(call, "size")]), "i64")],
    calls: [aten("arange", "size", "dtype=i64", "device=$device")],
    signature: '<const N extends number>(size: N): Tensor<readonly [N], "i64">',
  },
  full: {
    doc: "A tensor of one value.",
    operands: [],
    attributes: [
      attribute("shape", "ints"),
      attribute("value", "scalar"),
      attribute("dtype", "dtype", "f32"),
    ],
    shape: (call) => [tensorType(sizesOf(call, ints(call, "shape")), call.attributes.dtype as "f32")],
    calls: [aten("full", "shape", "value", "dtype=dtype", "device=$device")],
    signature:
      '<const T extends Shape, const D extends DType = "f32">(shape: T, value: number, dtype?: D): Tensor<T, D>',
  },
  full_sized: {
    doc: "A tensor of one value whose open sizes, -1 in `shape`, are each that of a tensor in one of its dimensions; what `full` becomes of `x.shape[0]`.",
    operands: [tensor("sized", "variadic")],
    attributes: [
      attribute("shape", "ints"),
      attribute("dims", "ints"),
      attribute("value", "scalar"),
      attribute("dtype", "dtype", "f32"),
    ],
    constraints: ["as many tensors and dims as `shape` has -1"],
    shape: (call) => {
      const [shape, dims] = [ints(call, "shape"), ints(call, "dims")];
      sizesOf(call, shape, -1);
      const open = shape.filter((size) => size === -1).length;
      if (open !== call.operands.length || open !== dims.length)
        call.fail(
          "elements",
          `full_sized: ${open} open sizes, of ${call.operands.length} tensors and ${dims.length} dimensions`,
        );
      let next = 0;
      const sizes = shape.map((size) => {
        if (size !== -1) return size;
        const x = tensorAt(call, next);
        return x.dims[axis(call, x.dims.length, dims[next++]!)]!;
      });
      return [tensorType(sizes, call.attributes.dtype as DType)];
    },
  },
  tensor: {
    doc: "The numbers of a list, row by row; they are kept on the device.",
    operands: [],
    attributes: [
      attribute("values", "floats"),
      attribute("dtype", "dtype", "f32"),
      attribute("shape", "ints"),
    ],
    constraints: ["as many numbers as the shape has elements, 65,536 at most", "the dtype has each of them"],
    shape: (call) => {
      const [shape, dtype] = [ints(call, "shape"), call.attributes.dtype as DType];
      const values = call.attributes.values as readonly number[];
      if (values.length > MOST_NUMBERS)
        call.fail(
          "size",
          `tensor: ${values.length} numbers; ${MOST_NUMBERS} at most stand in a program`,
          "a longer list is a value of the plan, a Float32Array or an Int32Array",
        );
      if (sizesOf(call, shape, 1).reduce((a, b) => a * b, 1) !== values.length)
        call.fail("elements", `tensor: ${values.length} numbers do not fill ${shapeText(shape)}`);
      const strange = values.find((v) => !hasValue(dtype, v));
      if (strange !== undefined) call.fail("dtype", `tensor: ${strange} is no value of ${dtype}`);
      return [tensorType(shape, dtype)];
    },
    signature:
      '<const V extends NumberList, const D extends DType = "f32">(values: V, dtype?: D): Tensor<ListShape<V>, D>',
    example: 'const classes = ops.tensor(frequent, "i64");',
  },
  full_like: {
    history: "none",
    doc: "One value in the shape and dtype of self.",
    operands: [tensor("self")],
    attributes: [attribute("value", "scalar")],
    shape: like,
    calls: [aten("full_like", "self", "value")],
    signature: `${ANY}, value: number): Tensor<S, D>`,
  },
  from_scalar: {
    doc: "A tensor of rank 0 that holds a run-time scalar.",
    operands: [{ name: "value", kinds: ["f64", "i64"] }],
    attributes: [attribute("dtype", "dtype", "f32")],
    shape: (call) => [tensorType([], call.attributes.dtype as DType)],
    calls: [aten("full", "#[]", "value", "dtype=dtype", "device=$device")],
    signature: '(value: number): Tensor<readonly [], "f32">',
  },
  size: {
    doc: "The size of dimension `dim`, as a run-time scalar.",
    operands: [tensor("self")],
    attributes: [attribute("dim", "int")],
    results: ["i64"],
    shape: (call) => {
      axis(call, tensorAt(call, 0).dims.length, int(call, "dim"));
      return [{ kind: "scalar", scalar: "i64" }];
    },
    calls: [aten("size.int", "self", "dim")],
    signature:
      "<S extends Shape, D extends DType, const A extends number>(self: Tensor<S, D>, dim: A & AxisCheck<S, A>): number",
    method: true,
  },
});
