/**
 * @file Random numbers: functions of the run's seed, the step and the place of the op, by Philox4x32-10 (Salmon, Moraes, Dror and
 * Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). So they are the same on every backend, when they are computed again,
 * and after a resume.
 */
import { type DType, type TensorType, tensorType } from "../../ir/module.js";
import { attribute, family, scalar, tensor } from "../define.js";
import { floatLike, int, ints, isFloat, sizesOf } from "../shapes.js";
import type { OpSpec, ShapeCall } from "../spec.js";

/** What a draw is a function of beside its place: plan inputs of the step. */
const POINT = [scalar("seed", "i64"), scalar("step", "i64")];
/** A number of its own for each random op of a function. */
const PLACE = attribute("place", "int");

/** The most values that one draw may be among. */
const MOST = 2 ** 31;

const real = (call: ShapeCall): readonly [TensorType] => {
  const dtype = call.attributes.dtype as DType;
  if (!isFloat(dtype))
    call.fail("dtype", `${call.op}: real numbers are drawn, not ${dtype}; ops.randint draws whole ones`);
  return [tensorType(sizesOf(call, ints(call, "shape")), dtype)];
};

const REAL = '<const T extends Shape, const D extends FloatDType = "f32">(shape: T, dtype?: D): Tensor<T, D>';

const drawn = (doc: string) => ({
  doc,
  operands: POINT,
  attributes: [attribute("shape", "ints"), attribute("dtype", "dtype", "f32"), PLACE],
  order: ["shape", "dtype"],
  constraints: ["the dtype is a floating-point one"],
  shape: real,
  signature: REAL,
});

export const RANDOM: readonly OpSpec[] = family("random", {
  rand: drawn(
    "Numbers from 0 to below 1, evenly distributed: as many bits as the dtype's significand has, the same on every backend.",
  ),
  randn: drawn(
    "Numbers of the standard normal distribution, by Box and Muller's formula in f64, which backends compute to a few units in the last place; then rounded to the dtype.",
  ),
  randint: {
    doc: "Whole numbers from `low` to below `high`, evenly distributed to one part in 2^33.",
    operands: POINT,
    attributes: [attribute("low", "int"), attribute("high", "int"), attribute("shape", "ints"), PLACE],
    order: ["low", "high", "shape"],
    constraints: ["low is below high, by 2^31 at most"],
    shape: (call) => {
      const [low, high] = [int(call, "low"), int(call, "high")];
      if (!(low < high && high - low <= MOST))
        call.fail("size", `randint: ${low} to below ${high} are no numbers, or more than 2^31`);
      return [tensorType(sizesOf(call, ints(call, "shape")), "i64")];
    },
    signature: '<const T extends Shape>(low: number, high: number, shape: T): Tensor<T, "i64">',
    example: "const others = ops.randint(0, 1_000_000, [4096]);",
  },
  bernoulli: {
    doc: "1 with the probability that stands in self, 0 otherwise; below 0 never, above 1 always.",
    operands: [tensor("self"), ...POINT],
    attributes: [PLACE],
    order: ["self"],
    history: "none",
    constraints: ["floating point"],
    shape: floatLike,
    signature: "<S extends Shape, D extends FloatDType>(self: Tensor<S, D>): Tensor<S, D>",
    method: true,
    example: "const kept = x.mul(ops.bernoulli(ops.full_like(x, 0.9)));",
  },
  permutation: {
    doc: "0, 1, … size-1 in an order that is drawn, each as likely as another.",
    operands: POINT,
    attributes: [attribute("size", "int"), PLACE],
    order: ["size"],
    shape: (call) => [tensorType(sizesOf(call, [int(call, "size")]), "i64")],
    signature: '<const N extends number>(size: N): Tensor<readonly [N], "i64">',
    example: "const some = ops.permutation(1000).slice(0, 0, 10);",
  },
});

/** Whether an op draws random numbers. */
export const draws = ({ family }: Pick<OpSpec, "family">): boolean => family === "random";
