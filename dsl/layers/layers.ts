/** @file Layers with weights, normalisations and pooling. Each is a module of stored tensors and registry ops. */
import { training } from "../core/compiled.js";
import { experimentError } from "../core/errors.js";
import { constant, type Init, kaimingUniform, ones, uniform, zeros } from "../core/initialisers.js";
import { type Layer, module, parameter, state } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import type { Shape } from "../core/shape.js";
import type { Features, Images, Tensor } from "../core/tensor.js";
import type { ChannelKeeping, LastDimension } from "./keeping.js";

type Size = number | readonly [height: number, width: number];
/** A bias of `outputs` values, or none. As PyTorch has it, it starts between -bound and bound. */
const biasOf = <const O extends number>(outputs: O, bias: boolean | Init, bound: number) =>
  bias === false ? null : parameter([outputs], bias === true ? uniform(-bound, bound) : bias);

const pair = (size: Size): readonly [number, number] => (typeof size === "number" ? [size, size] : size);

export interface Conv2dOptions {
  kernel: Size;
  stride?: Size;
  padding?: Size;
  dilation?: Size;
  /**
   * Input and output channels are divided into this many independent groups; as many as `inputs` makes it a depthwise
   * convolution.
   */
  groups?: number;
  /** Whether there is a bias, or where it starts. */
  bias?: boolean | Init;
  init?: Init;
}

/** Convolution from `inputs` to `outputs` channels; weight [outputs, inputs/groups, kernel, kernel]. */
export const conv2d = <const I extends number, const O extends number>(
  inputs: I,
  outputs: O,
  {
    kernel,
    stride = 1,
    padding = 0,
    dilation = 1,
    groups = 1,
    bias = false,
    init = kaimingUniform(),
  }: Conv2dOptions,
) => {
  for (const [which, channels] of Object.entries({ inputs, outputs }))
    if (!(Number.isInteger(groups) && groups > 0) || channels % groups !== 0)
      throw experimentError("groups-do-not-divide", { channels, which, groups });
  const [height, width] = pair(kernel);
  const options = { stride: pair(stride), padding: pair(padding), dilation: pair(dilation), groups };
  const bound = 1 / Math.sqrt((inputs / groups) * height * width);
  return module(
    {
      weight: parameter([outputs, inputs / groups, height, width], init),
      bias: biasOf(outputs, bias, bound),
    },
    <N extends number>(
      {
        weight,
        bias,
      }: {
        weight: Tensor<readonly [O, number, number, number], "f32">;
        bias: Tensor<readonly [O], "f32"> | null;
      },
      x: Images<I, N>,
    ): Images<O, N> => ops.conv2d(x, weight, bias, options),
  );
};

/** `x W^T + b` from `inputs` to `outputs` features, the last dimension of anything; weight [outputs, inputs]. */
export const linear = <const I extends number, const O extends number>(
  inputs: I,
  outputs: O,
  { bias = true, init = kaimingUniform() }: { bias?: boolean | Init; init?: Init } = {},
): LastDimension<I, O> =>
  module(
    {
      weight: parameter([outputs, inputs], init),
      bias: biasOf(outputs, bias, 1 / Math.sqrt(inputs)),
    },
    ({ weight, bias }, x: Tensor<Shape, "f32">) => ops.linear(x, weight, bias),
  ) as unknown as LastDimension<I, O>;

export interface BatchNormOptions {
  /** How far the running statistics move towards those of each batch. */
  momentum?: number;
  eps?: number;
  /**
   * Without `affine` there is no scale and no shift. `"shift"` keeps the shift alone; `"frozen-scale"` has a scale that stays 1, a parameter
   * that is counted, saved and exported, and not trained.
   */
  affine?: boolean | "shift" | "frozen-scale";
}

const batchNorm = <S extends Shape>(
  channels: number,
  { momentum = 0.1, eps = 1e-5, affine = true }: BatchNormOptions,
): Layer<Tensor<S, "f32">, Tensor<S, "f32">> => {
  const scale = parameter([channels], ones());
  const weights = {
    true: scale,
    false: null,
    shift: null,
    "frozen-scale": Object.freeze({ ...scale, trainable: false as const }),
  };
  return module(
    {
      weight: weights[`${affine}`],
      bias: affine ? parameter([channels], zeros()) : null,
      mean: state([channels], zeros()),
      variance: state([channels], ones()),
    },
    ({ weight, bias, mean, variance }, x: Tensor<S, "f32">): Tensor<S, "f32"> =>
      ops.batch_norm(x, weight, bias, mean, variance, { training: training(), momentum, eps }),
  );
};

/** BatchNorm over the channels of images. */
export const batchNorm2d = <const C extends number>(
  channels: C,
  options: BatchNormOptions = {},
): Layer<Images<C>, Images<C>> => batchNorm(channels, options);

/** BatchNorm over features. */
export const batchNorm1d = <const C extends number>(
  channels: C,
  options: BatchNormOptions = {},
): Layer<Features<C>, Features<C>> => batchNorm(channels, options);

export interface LayerNormOptions {
  eps?: number;
  /** Without `affine` there is no scale and no shift. */
  affine?: boolean;
  /** Without `bias` there is no shift. */
  bias?: boolean;
}

/** Each row of features, the last dimension of anything, minus its mean and divided by its deviation. Ba et al. 2016. */
export const layerNorm = <const C extends number>(
  features: C,
  { eps = 1e-5, affine = true, bias = true }: LayerNormOptions = {},
): LastDimension<C, C> =>
  module(
    {
      weight: affine ? parameter([features], ones()) : null,
      bias: affine && bias ? parameter([features], zeros()) : null,
    },
    ({ weight, bias }, x: Tensor<Shape, "f32">) => ops.layer_norm(x, weight, bias, { size: [features], eps }),
  ) as unknown as LastDimension<C, C>;

/** PReLU with one slope a channel, 0.25 at first. */
export const prelu = <const C extends number>(channels: C) =>
  module(
    { slope: parameter([channels], constant(0.25)) },
    ({ slope }, x: Images<C>): Images<C> => ops.prelu(x, slope),
  );

/** PReLU on features. */
export const prelu1d = <const C extends number>(channels: C) =>
  module(
    { slope: parameter([channels], constant(0.25)) },
    ({ slope }, x: Features<C>): Features<C> => ops.prelu(x, slope),
  );

/** The largest value of each window. */
export const maxPool2d = (kernel: Size, options: { stride?: Size; padding?: Size } = {}) => {
  const window = {
    kernel: pair(kernel),
    stride: pair(options.stride ?? kernel),
    padding: pair(options.padding ?? 0),
  };
  return module({}, (_: object, x: Images) => ops.max_pool2d(x, window)) as ChannelKeeping;
};

/** The mean of each of `size` windows: `adaptiveAvgPool2d(1)` is global average pooling. */
export const adaptiveAvgPool2d = (size: Size) => {
  const windows = pair(size);
  return module({}, (_: object, x: Images) => ops.adaptive_avg_pool2d(x, windows)) as ChannelKeeping;
};

/** [N, C, H, W] to [N, C*H*W]. */
export const flatten = () => module({}, (_: object, x: Images): Features => ops.flatten(x));
