/** @file Layers of small nets, which divide the channels of images, mix them and weigh them. */
import { experimentError } from "../core/errors.js";
import { type Init, zeros } from "../core/initialisers.js";
import { type Layer, module } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import { ABOVE_ZERO, inRange, WHOLE } from "../core/range.js";
import type { Images } from "../core/tensor.js";
import { relu, sigmoid } from "./activations.js";
import type { ChannelKeeping } from "./keeping.js";
import { type Conv2dOptions, conv2d } from "./layers.js";

/** The channels [groups, C/groups] as [C/groups, groups]: the next grouped convolution sees something of each group. Zhang et al. 2018 (ShuffleNet). */
export const channelShuffle = (groups: number) => {
  inRange("channelShuffle", "groups", groups, WHOLE);
  return module({}, (_: object, x: Images): Images => {
    const [n, c, h, w] = x.shape;
    return x
      .reshape([n, groups, c / groups, h, w])
      .transpose(1, 2)
      .reshape([n, c, h, w]);
  }) as ChannelKeeping;
};

/**
 * A depthwise convolution whose kernels differ in size: the channels are divided evenly among `kernels`, odd numbers, and what is left over
 * goes to the first; images are padded so that they keep their size at stride 1. Tan and Le 2019 (MixConv).
 */
export const mixedDepthwise = <const C extends number>(
  channels: C,
  kernels: readonly number[],
  options: Omit<Conv2dOptions, "kernel" | "padding" | "groups"> = {},
): Layer<Images<C>, Images<C>> => {
  const share = Math.floor(channels / kernels.length);
  const sizes = kernels.map((_, i) => (i === 0 ? channels - share * (kernels.length - 1) : share));
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
  const convs = kernels.map((kernel, i) => {
    const size = sizes[i]!;
    return conv2d(size, size, { ...options, kernel, padding: (kernel - 1) / 2, groups: size });
  });
  if (convs.length === 1) return module({ convs }, ({ convs }, x: Images<C>) => convs[0]!(x) as Images<C>);
  return module({ convs }, ({ convs }, x: Images<C>) => {
    const parts = convs.map((conv, i) => conv(x.slice(1, starts[i]!, starts[i]! + sizes[i]!)));
    return ops.cat(parts, 1) as Images<C>;
  });
};

/**
 * A convolution in groups of `groupSize` input channels, as many as these make: what a group computes stays the same where nets get
 * wider. Zhang et al. 2019 (VarGNet).
 */
export const variableGroupConv = <const I extends number, const O extends number>(
  inputs: I,
  outputs: O,
  { groupSize = 8, ...options }: Omit<Conv2dOptions, "groups"> & { groupSize?: number },
) => {
  if (!(Number.isInteger(groupSize) && groupSize > 0) || inputs % groupSize !== 0)
    throw experimentError("groups-do-not-divide.of-a-size", { channels: inputs, size: groupSize });
  return conv2d(inputs, outputs, { ...options, groups: inputs / groupSize });
};

/** An activation, which may have parameters for each channel. */
export type Activation = (channels: number) => Layer<Images, Images>;

export interface SqueezeExciteOptions {
  /** How many channels there are for one in the middle. */
  ratio?: number;
  /** Of the channels in the middle. */
  activation?: Activation;
  /** Makes the channels' weights. */
  scaleActivation?: Activation;
  /** Where the weights of its two convolutions start; their biases start at 0 if it is given. */
  init?: Init;
}

/**
 * Weighs each channel by what the means of all say: two convolutions 1x1 with bias around an activation, and another at the end.
 * Hu et al. 2018 (squeeze-and-excitation).
 */
export const squeezeExcite = <const C extends number>(
  channels: C,
  { ratio = 16, activation = relu, scaleActivation = sigmoid, init }: SqueezeExciteOptions = {},
): Layer<Images<C>, Images<C>> => {
  inRange("squeezeExcite", "ratio", ratio, ABOVE_ZERO);
  const middle = Math.max(1, Math.floor(channels / ratio));
  const options = { kernel: 1, bias: init === undefined ? true : zeros(), ...(init && { init }) };
  return module(
    {
      fc1: conv2d(channels, middle, options),
      activation: activation(middle),
      fc2: conv2d(middle, channels, options),
      scaleActivation: scaleActivation(channels),
    },
    ({ fc1, activation, fc2, scaleActivation }, x: Images<C>) => {
      const means = x.mean([2, 3], { keepdim: true });
      return x.mul(scaleActivation(fc2(activation(fc1(means))))) as Images<C>;
    },
  );
};
