/** @file The head: from features and class centres to a loss, in one op that never needs to show the matrix of cosines. */
import { mulDims, sameDim } from "../../ir/dim.js";
import { type TensorType, tensorType } from "../../ir/module.js";
import { attribute, family, scalar, tensor } from "../define.js";
import { indexDtype, int, maybeTensorAt, rankOf, sameDtype, shapeText, tensorAt } from "../shapes.js";
import type { OpSpec, ShapeCall } from "../spec.js";

const optional = <S extends object>(operand: S) => ({ ...operand, optional: true });

/** The operands that have one value a row of the features. */
const A_ROW = ["target", "own", "bound"] as const;

function oneARow(
  call: ShapeCall,
  features: TensorType,
  name: (typeof A_ROW)[number],
  type: TensorType | undefined,
): void {
  if (type && !(type.dims.length === 1 && sameDim(type.dims[0]!, features.dims[0]!)))
    call.fail(
      "shape",
      `margin_softmax: ${name} ${shapeText(type.dims)} for features ${shapeText(features.dims)}`,
    );
}

const sameColumns = (call: ShapeCall, features: TensorType, rows: TensorType, what: string) => {
  rankOf(call, rows, 2, what);
  if (!sameDim(rows.dims[1]!, features.dims[1]!))
    call.fail(
      "shape",
      `margin_softmax: ${what} ${shapeText(rows.dims)} for features ${shapeText(features.dims)}`,
    );
};

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

export const HEADS: readonly OpSpec[] = family("heads", {
  margin_softmax: {
    doc: "Cross-entropy of features against class centres, where the cosine to the own class is given: log(1 + sum over the other classes of exp(scale * (cosine - own))), one value a row.",
    precision: "full",
    operands: OPERANDS,
    attributes: [attribute("centres", "int", 1), attribute("hardest", "int", 0)],
    results: ["tensor", "tensor", "tensor"],
    constraints: [
      "features are [N, D] and rows [C * centres, D], f32 or f64; a cosine is their product, whatever their lengths",
      "target, own and bound are [N]; a target of -1 is no class, and its loss 0",
      "class c is that of row n where ids[c], or c itself without ids, is target[n]; a negative id is no class, nor is a class from `limit` on",
      "centres, if more than 1, are neighbouring rows of one class, whose cosine is the largest of theirs",
      "a negative above `bound`, the cosine c, becomes square * c^2 + slope * c + offset; slope may be a tensor [], such as a state",
      "patch [P, D] stands in for the rows that touched [P] names, each class once; what is no class may be named more often",
      "the results are the loss, the largest negative cosine as it was (-1e30 without negatives), and the mean of the `hardest` largest ones, those below 0 counting as 0",
    ],
    shape: (call) => {
      const [features, rows, target] = [tensorAt(call, 0), tensorAt(call, 1), tensorAt(call, 2)];
      rankOf(call, features, 2, "the features [N, D]");
      sameColumns(call, features, rows, "the rows [C, D]");
      const [ids, touched, patch] = ["ids", "touched", "patch"].map((name) => maybeTensorAt(call, at(name)));
      const own = tensorAt(call, at("own"));
      const bound = maybeTensorAt(call, at("bound"));
      const slope = maybeTensorAt(call, at("slope"));
      sameDtype(call, [features, rows, own, bound, slope, patch]);
      if (features.dtype !== "f32" && features.dtype !== "f64")
        call.fail("dtype", `margin_softmax: features are f32 or f64, got ${features.dtype}`);
      indexDtype(call, target);
      oneARow(call, features, "target", target);
      oneARow(call, features, "own", own);
      oneARow(call, features, "bound", bound);
      const centres = int(call, "centres");
      if (centres < 1) call.fail("size", `margin_softmax: ${centres} centres a class`);
      if (ids) {
        indexDtype(call, ids);
        const all = ids.dims.length === 1 ? mulDims(ids.dims[0]!, centres) : undefined;
        if (all === undefined || !sameDim(all, rows.dims[0]!))
          call.fail("shape", `margin_softmax: ids ${shapeText(ids.dims)} for rows ${shapeText(rows.dims)}`);
      }
      const count = rows.dims[0]!;
      if (typeof count !== "number")
        return call.fail("size", `margin_softmax: the number of rows ${shapeText(rows.dims)} must be known`);
      if (count % centres !== 0)
        call.fail(
          "shape",
          `margin_softmax: rows ${shapeText(rows.dims)} do not divide into ${centres} centres a class`,
        );
      const hardest = int(call, "hardest");
      if (hardest < 0 || hardest > count / centres)
        call.fail("size", `margin_softmax: the ${hardest} hardest of ${count / centres} classes`);
      const given = (name: string) => call.operands[at(name)] !== undefined;
      const rule = ["square", "slope", "offset"].filter(given);
      if (rule.length !== (bound ? 3 : 0))
        call.fail("kind", "margin_softmax: bound, square, slope and offset are given together");
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
        if (centres > 1) call.fail("kind", "margin_softmax: a patch is of classes with one centre");
      }
      const result = tensorType([features.dims[0]!], features.dtype);
      return [result, result, result];
    },
    signature:
      '<N extends number, C extends number, K extends number, D extends FloatDType>(features: Tensor<readonly [N, K], D>, rows: Tensor<readonly [C, NoInfer<K>], NoInfer<D>>, target: Tensor<readonly [NoInfer<N>], "i64">, own: Tensor<readonly [NoInfer<N>], NoInfer<D>>, scale: number, options?: { ids?: Tensor<readonly [number], "i64"> | undefined; limit?: number | undefined; bound?: Tensor<readonly [NoInfer<N>], NoInfer<D>> | undefined; square?: number | undefined; slope?: number | Tensor<readonly [], NoInfer<D>> | undefined; offset?: number | undefined; touched?: Tensor<readonly [number], "i64"> | undefined; patch?: Tensor<readonly [number, NoInfer<K>], NoInfer<D>> | undefined; centres?: number; hardest?: number }): readonly [loss: Tensor<readonly [N], D>, nearest: Tensor<readonly [N], D>, hardest: Tensor<readonly [N], D>]',
    example: "const [loss] = ops.margin_softmax(features, centres, labels, own.sub(0.35), 64);",
  },
});
