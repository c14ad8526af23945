/**
 * @file A depthwise convolution in training takes the normalisations before and behind it along, with the PReLUs that they have: it does
 * little with each value, so that most of its time, and of theirs, is reading and writing the memory.
 *
 *     %a = batch_norm_prelu(%x, %w, %b, %m, %v, %s, training = true)      %y = norm_depthwise_norm(%x, %w, %b, %m, %v, %s, %k, …)
 *     %c = conv2d(%a, %k, groups = channels)
 *     %y = batch_norm(%c, …, training = true)
 */
import { sameDim } from "../ir/dim.js";
import { fuse, type Op, type Value } from "../ir/module.js";
import { membersOf } from "../registry/storages.js";
import { Touched } from "../registry/touched.js";
import { behind, instead, threes } from "./behind.js";
import { overFunctions } from "./pass.js";

const DOC =
  "A depthwise convolution in training and the batch normalisations on both sides of it are one op.";

export const depthwiseNorms = overFunctions("depthwise-norms", DOC, (fn, module, count) => {
  const touched = new Touched(fn, membersOf(module.groups));
  /** Whether an op before moves what one behind reads or moves: the three would see each other's, and one op does not. */
  const moves = (norm: Op, others: readonly Op[]) => {
    const moved = touched.writtenBy(norm);
    return others.some((other) => [...touched.by(other)].some((name) => moved.has(name)));
  };
  const before = behind(fn, (norm, conv) => isTraining(norm) && isDepthwise(conv));
  const after = behind(fn, (conv, norm) => isDepthwise(conv) && isTraining(norm));
  const found = [...threes(before, after)].filter(
    ([norm, { ops }]) => areAlike(norm, ops[1]!) && !moves(norm, ops),
  );
  return instead(fn, new Map(found), (first, [conv, second], replay) => {
    count("fused");
    const [x, ...given] = withSlope(replay.operands(first));
    const kernel = replay.value(conv!.operands[1]!);
    const others = second!.operands.slice(1).map((value) => value && replay.value(value));
    const { stride, padding } = conv!.attributes;
    return replay.emit(
      "norm_depthwise_norm",
      [x, ...given, kernel, ...withSlope([undefined, ...others]).slice(1)],
      { ...first.attributes, stride: stride!, padding: padding! },
      fuse(fuse(first.location, conv!.location), second!.location),
    );
  });
});

const isTraining = ({ op, attributes }: Op) =>
  (op === "batch_norm" || op === "batch_norm_prelu") && attributes.training === true;

/** A kernel for each channel, whose taps stand side by side, and nothing added. */
function isDepthwise({ op, operands, attributes, results }: Op): boolean {
  if (op !== "conv2d" || operands[2]) return false;
  const [weight, of] = [operands[1]!.type, results[0]!.type];
  return (
    weight.kind === "tensor" &&
    of.kind === "tensor" &&
    weight.dims[1] === 1 &&
    sameDim(of.dims[1]!, attributes.groups as number) &&
    (attributes.dilation as readonly number[]).every((n) => n === 1)
  );
}

const areAlike = (norm: Op, other: Op) =>
  norm.attributes.eps === other.attributes.eps && norm.attributes.momentum === other.attributes.momentum;

/** What a normalisation takes, with a place for the slope of the PReLU behind it. */
const withSlope = (operands: readonly (Value | undefined)[]): readonly (Value | undefined)[] =>
  operands.length === 6 ? operands : [...operands, undefined];
