/**
 * @file Batch normalisation with running statistics is a scale and a shift of each channel. In a step, where nothing is recorded, the
 * convolution before it does both: its weights are scaled, which are few, and not its images. A net by itself stays as it was written:
 * it may leave in a file, and be asked for one image at a time.
 *
 *     %a = conv2d(%x, %w, %b)                                      %s = rsqrt(%v + eps) * %weight
 *     %y = batch_norm(%a, %weight, %bias, %m, %v, training = false)    %y = conv2d(%x, %w * %s, (%b - %m) * %s + %bias)
 */
import { fuse, type Op, type Value } from "../ir/module.js";
import { controlOf } from "../registry/regions.js";
import { behind, instead } from "./behind.js";
import { takesGradient } from "./flatten.js";
import { overFunctions } from "./pass.js";
import type { Replay } from "./replay.js";

const DOC =
  "Where a step records nothing, batch normalisation with running statistics is part of the convolution before it.";

export const foldedNorms = overFunctions("folded-norms", DOC, (fn, _, count) => {
  if (!takesGradient(fn)) return fn;
  const isUnrecorded = (within: readonly Op[]) =>
    within.some((op) => controlOf(op)?.gradient === "unrecorded");
  const pairs = behind(
    fn,
    (conv, norm, within) =>
      conv.op === "conv2d" &&
      norm.op === "batch_norm" &&
      norm.attributes.training === false &&
      haveOneType(conv, norm) &&
      isUnrecorded(within),
  );
  return instead(fn, pairs, (conv, [norm], replay) => {
    count("folded");
    return folded(conv, norm!, replay);
  });
});

/** In a narrow type, scaled weights would be rounded once more. */
function haveOneType(...ops: readonly Op[]): boolean {
  const dtypes = ops.flatMap((op) =>
    op.operands.flatMap((value) => (value?.type.kind === "tensor" ? [value.type.dtype] : [])),
  );
  return new Set(dtypes).size === 1 && (dtypes[0] === "f32" || dtypes[0] === "f64");
}

function folded(conv: Op, norm: Op, replay: Replay): readonly Value[] {
  const at = fuse(conv.location, norm.location);
  const emit = (...[name, operands, attributes = {}]: Emitted) =>
    replay.emit(name, operands, attributes, at)[0]!;
  const [x, weight, bias] = replay.operands(conv) as [Value, Value, Value | undefined];
  const [, scale, shift, mean, variance] = norm.operands.map((value) => value && replay.standing(value));
  const deviation = emit("rsqrt", [
    emit("add", [variance, replay.number(norm.attributes.eps as number, at)]),
  ]);
  const factor = scale ? emit("mul", [deviation, scale]) : deviation;
  const scaled = emit("mul", [weight, emit("reshape", [factor], { shape: [-1, 1, 1, 1] })]);
  const offset = emit("mul", [bias ? emit("sub", [bias, mean]) : emit("neg", [mean]), factor]);
  const shifted = shift ? emit("add", [offset, shift]) : offset;
  return replay.emit("conv2d", [x, scaled, shifted], conv.attributes, at);
}

type Emitted = readonly [
  Parameters<Replay["emit"]>[0],
  Parameters<Replay["emit"]>[1],
  Parameters<Replay["emit"]>[2]?,
];
