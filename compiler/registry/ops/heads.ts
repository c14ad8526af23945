/** @file The head: from features and class centres to a loss, in one op that never needs to show the matrix of cosines. */
import { type Dim, mulDims, sameDim } from "../../ir/dim.js";
import { type TensorType, tensorType } from "../../ir/module.js";
import { attribute, family, scalar, tensor, tensorOrScalar } from "../define.js";
import { indexDtype, int, maybeTensorAt, rankOf, sameDtype, shapeText, tensorAt } from "../shapes.js";
import type { OpSpec, ShapeCall } from "../spec.js";

const optional = <S extends object>(operand: S) => ({ ...operand, optional: true });

/** `name` has one value a row of the features. */
function oneARow(
  call: ShapeCall,
  features: TensorType,
  name: "target" | "own" | "bound",
  type: TensorType | undefined,
): void {
  if (type && !(type.dims.length === 1 && sameDim(type.dims[0]!, features.dims[0]!)))
    call.fail(
      "shape",
      `${call.op}: ${name} ${shapeText(type.dims)} for features ${shapeText(features.dims)}`,
    );
}

const sameColumns = (call: ShapeCall, features: TensorType, rows: TensorType, what: string) => {
  rankOf(call, rows, 2, what);
  if (!sameDim(rows.dims[1]!, features.dims[1]!))
    call.fail(
      "shape",
      `${call.op}: ${what} ${shapeText(rows.dims)} for features ${shapeText(features.dims)}`,
    );
};

/** An operand by its name. */
type Named = (name: string) => TensorType | undefined;

/** What both ops are given of classes: how many there are. */
function classesOf(call: ShapeCall, features: TensorType, rows: TensorType, named: Named): number {
  rankOf(call, features, 2, "the features [N, D]");
  sameColumns(call, features, rows, "the rows [C, D]");
  if (features.dtype !== "f32" && features.dtype !== "f64")
    call.fail("dtype", `${call.op}: features are f32 or f64, got ${features.dtype}`);
  if (rows.dtype !== features.dtype && rows.dtype !== "bf16" && rows.dtype !== "f16")
    call.fail(
      "dtype",
      `${call.op}: rows are ${features.dtype} as the features, bf16 or f16, got ${rows.dtype}`,
    );
  const target = named("target")!;
  indexDtype(call, target);
  oneARow(call, features, "target", target);
  const centres = int(call, "centres");
  if (centres < 1) call.fail("size", `${call.op}: ${centres} centres a class`);
  const ids = named("ids");
  if (ids) {
    indexDtype(call, ids);
    const all = ids.dims.length === 1 ? mulDims(ids.dims[0]!, centres) : undefined;
    if (all === undefined || !sameDim(all, rows.dims[0]!))
      call.fail("shape", `${call.op}: ids ${shapeText(ids.dims)} for rows ${shapeText(rows.dims)}`);
  }
  const count = rows.dims[0]!;
  if (typeof count !== "number")
    return call.fail("size", `${call.op}: the number of rows ${shapeText(rows.dims)} must be known`);
  if (count % centres !== 0)
    call.fail(
      "shape",
      `${call.op}: rows ${shapeText(rows.dims)} do not divide into ${centres} centres a class`,
    );
  return count / centres;
}

/** The rule for hard negatives: all of it or nothing. */
function ruleOf(
  call: ShapeCall,
  features: TensorType,
  named: Named,
  isGiven: (name: string) => boolean,
): void {
  const bound = named("bound");
  oneARow(call, features, "bound", bound);
  if (["square", "slope", "offset"].filter(isGiven).length !== (bound ? 3 : 0))
    call.fail("kind", `${call.op}: bound, square, slope and offset are given together`);
}

const OPERANDS = [
  tensor("features"),
  tensor("rows"),
  tensor("target"),
  tensor("own"),
  scalar("scale", "f64", "i64"),
  tensor("ids", "optional"),
  optional(scalar("limit", "f64", "i64")),
  tensor("bound", "optional"),
  optional(scalar("square", "f64", "i64")),
  optional({ name: "slope", kinds: ["tensor", "f64", "i64"] as const }),
  optional(scalar("offset", "f64", "i64")),
  tensor("touched", "optional"),
  tensor("patch", "optional"),
];
const at = (name: string) => OPERANDS.findIndex((o) => o.name === name);

const SWEPT = [
  tensor("features"),
  tensor("rows"),
  tensor("target"),
  tensorOrScalar("scale"),
  tensor("ids", "optional"),
  optional(tensorOrScalar("limit")),
  tensor("bound", "optional"),
  optional(tensorOrScalar("square")),
  optional(tensorOrScalar("slope")),
  optional(tensorOrScalar("offset")),
  tensor("touched", "optional"),
];
const sweptAt = (name: string) => SWEPT.findIndex((o) => o.name === name);

export const HEADS: readonly OpSpec[] = family("heads", {
  margin_softmax: {
    doc: "Cross-entropy of features against class centres, where the cosine to the own class is given: log(1 + sum over the other classes of exp(scale * (cosine - own))), one value a row.",
    precision: "full",
    operands: OPERANDS,
    attributes: [attribute("centres", "int", 1), attribute("hardest", "int", 0)],
    results: ["tensor", "tensor", "tensor"],
    constraints: [
      "features are [N, D] and rows [C * centres, D], f32 or f64, or rows narrower, which become as wide; a cosine is their product, whatever their lengths",
      "target, own and bound are [N]; a target of -1 is no class, and its loss 0",
      "class c is that of row n where ids[c], or c itself without ids, is target[n]; a negative id is no class, nor is a class from `limit` on",
      "centres, if more than 1, are neighbouring rows of one class, whose cosine is the largest of theirs",
      "a negative above `bound`, the cosine c, becomes square * c^2 + slope * c + offset; slope may be a tensor [], such as a state",
      "patch [P, D] stands in for the rows that touched [P] names, each class once; what is no class may be named more often",
      "the results are the loss, the largest negative cosine as it was (-1e30 without negatives), and the mean of the `hardest` largest ones, those below 0 counting as 0",
    ],
    shape: (call) => {
      const [features, rows] = [tensorAt(call, 0), tensorAt(call, 1)];
      const named: Named = (name) => maybeTensorAt(call, at(name));
      const classes = classesOf(call, features, rows, named);
      const [own, slope, touched, patch] = [named("own")!, named("slope"), named("touched"), named("patch")];
      sameDtype(call, [features, own, named("bound"), slope, patch]);
      oneARow(call, features, "own", own);
      const hardest = int(call, "hardest");
      if (hardest < 0 || hardest > classes)
        call.fail("size", `margin_softmax: the ${hardest} hardest of ${classes} classes`);
      ruleOf(call, features, named, (name) => call.operands[at(name)] !== undefined);
      if (slope) rankOf(call, slope, 0, "the slope");
      if (!touched !== !patch) call.fail("kind", "margin_softmax: touched and patch are given together");
      if (touched && patch) {
        indexDtype(call, touched);
        sameColumns(call, features, patch, "the patch [P, D]");
        if (touched.dims.length !== 1 || !sameDim(touched.dims[0]!, patch.dims[0]!))
          call.fail(
            "shape",
            `margin_softmax: touched ${shapeText(touched.dims)} for patch ${shapeText(patch.dims)}`,
          );
        if (int(call, "centres") > 1)
          call.fail("kind", "margin_softmax: a patch is of classes with one centre");
      }
      const result = tensorType([features.dims[0]!], features.dtype);
      return [result, result, result];
    },
    signature:
      '<N extends number, C extends number, K extends number, D extends FloatDType>(features: Tensor<readonly [N, K], D>, rows: Tensor<readonly [C, NoInfer<K>], NoInfer<D> | "bf16" | "f16">, target: Tensor<readonly [NoInfer<N>], "i64">, own: Tensor<readonly [NoInfer<N>], NoInfer<D>>, scale: number, options?: { ids?: Tensor<readonly [number], "i64"> | undefined; limit?: number | undefined; bound?: Tensor<readonly [NoInfer<N>], NoInfer<D>> | undefined; square?: number | undefined; slope?: number | Tensor<readonly [], NoInfer<D>> | undefined; offset?: number | undefined; touched?: Tensor<readonly [number], "i64"> | undefined; patch?: Tensor<readonly [number, NoInfer<K>], NoInfer<D>> | undefined; centres?: number; hardest?: number }): readonly [loss: Tensor<readonly [N], D>, nearest: Tensor<readonly [N], D>, hardest: Tensor<readonly [N], D>]',
    example: "const [loss] = ops.margin_softmax(features, centres, labels, own.sub(0.35), 64);",
  },
  negatives_logsumexp: {
    doc: "The stream over the classes of a head: log(sum over the other classes of exp(scale * cosine)), one value a row, and the other classes with the largest cosines.",
    precision: "declared",
    operands: SWEPT,
    attributes: [attribute("centres", "int", 1), attribute("nearest", "int", 1)],
    results: ["tensor", "tensor"],
    constraints: [
      "features, rows, target, ids, bound, square, slope, offset and centres are those of margin_softmax",
      "row n is of group n * G / N, rounded down; limit [G] or one number: classes from there on are none for the rows of the group",
      "touched [G, P] are classes that are left out for the rows of the group",
      "the results are the sum's logarithm, and the `nearest` other classes with the largest cosines, as they were, the largest first",
      "where there are no others, the logarithm is -1e30 and a class is -1; of rows whose target is -1, the logarithm is -1e30",
    ],
    shape: (call) => {
      const [features, rows] = [tensorAt(call, 0), tensorAt(call, 1)];
      const given = (name: string) => call.operands[sweptAt(name)];
      const tensorOf = (name: string) => {
        const type = given(name);
        return type?.kind === "tensor" ? type : undefined;
      };
      const classes = classesOf(call, features, rows, tensorOf);
      sameDtype(call, [features, tensorOf("bound")]);
      ruleOf(call, features, tensorOf, (name) => given(name) !== undefined);
      for (const name of ["scale", "square", "slope", "offset"]) {
        const type = tensorOf(name);
        if (type) rankOf(call, type, 0, `the ${name}`);
      }
      const nearest = int(call, "nearest");
      if (nearest < 1 || nearest > classes)
        call.fail("size", `negatives_logsumexp: the ${nearest} nearest of ${classes} classes`);
      const [limit, touched] = [tensorOf("limit"), tensorOf("touched")];
      if (limit) {
        if (limit.dtype !== "f64")
          call.fail("dtype", `negatives_logsumexp: the limit is f64, got ${limit.dtype}`);
        rankOf(call, limit, 1, "the limit [G]");
      }
      if (touched) {
        indexDtype(call, touched);
        rankOf(call, touched, 2, "touched [G, P]");
      }
      const [n] = features.dims;
      for (const groups of [limit?.dims[0], touched?.dims[0]])
        if (groups !== undefined && groups !== 1 && !(isWhole(groups) && isWhole(n) && n % groups === 0))
          call.fail("shape", `negatives_logsumexp: ${n} rows do not divide into ${groups} groups`);
      return [tensorType([n!], features.dtype), tensorType([n!, nearest], "i64")];
    },
  },
});

const isWhole = (dim: Dim | undefined): dim is number => typeof dim === "number";
