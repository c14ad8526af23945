// Layers with literal channels, one after the other, by call and by list.
import {
  adaptiveAvgPool2d,
  attention,
  batchNorm1d,
  batchNorm2d,
  channelShuffle,
  checkpointed,
  conv2d,
  dropout,
  dropPath,
  type Features,
  flatten,
  gelu,
  type Images,
  type LastDimension,
  type Layer,
  layerNorm,
  linear,
  maxPool2d,
  mixedDepthwise,
  module,
  prelu,
  prelu1d,
  relu,
  relu6,
  residual,
  sequential,
  sigmoid,
  squeezeExcite,
  stack,
  swish,
  type Tokens,
  variableGroupConv,
  zeros,
} from "f2c-dsl";
import { shapeOf, some } from "./shape-of.js";

const images = some<Images<3>>();

export const called = module(
  {
    conv: conv2d(3, 64, { kernel: 3 }),
    bn: batchNorm2d(64),
    act: prelu(64),
    relu: relu(),
    pool: maxPool2d(2),
  },
  ({ conv, bn, act, relu, pool }, x: Images<3>) => pool(relu(act(bn(conv(x))))),
);
shapeOf(called(images)) satisfies readonly [number, 64, number, number];

export const listed = sequential(
  conv2d(3, 32, { kernel: 3, stride: 2, bias: true }),
  relu(),
  batchNorm2d(32),
  maxPool2d(2, { stride: [2, 1] }),
  residual(sequential(conv2d(32, 32, { kernel: [1, 3], padding: [0, 1] }), prelu(32))),
  stack([conv2d(32, 32, { kernel: 1 }), conv2d(32, 32, { kernel: 1 })]),
  adaptiveAvgPool2d(1),
  flatten(),
  linear(32, 16, { bias: false }),
  batchNorm1d(16, { affine: "shift" }),
  prelu1d(16),
  dropout(0.5),
);
shapeOf(listed(images)) satisfies readonly [number, 16];
listed satisfies Layer<Images<3>, Features<16>>;

// Nine and more are one list as well.
export const many = sequential(
  relu(),
  relu(),
  relu(),
  relu(),
  relu(),
  relu(),
  relu(),
  relu(),
  relu(),
  flatten(),
);

// Sizes that only the run knows pass everywhere.
const width = some<number>();
export const scaled = sequential(
  conv2d(3, width, { kernel: 3 }),
  batchNorm2d(64),
  conv2d(width, 5, { kernel: 1 }),
);
shapeOf(scaled(images)) satisfies readonly [number, 5, number, number];
scaled(some<Images>()) satisfies Images<5>;

// Layers along the last dimension take anything before it, and so does a list of them.
const tokens = some<Tokens<64, 144>>();
export const mlp = sequential(linear(64, 256, { bias: zeros() }), gelu(), dropout(0.1), linear(256, 64));
mlp satisfies LastDimension<64, 64>;
shapeOf(mlp(tokens)) satisfies readonly [number, 144, 64];
shapeOf(mlp(some<Features<64, 8>>())) satisfies readonly [8, 64];
shapeOf(linear(64, 10)(tokens)) satisfies readonly [number, 144, 10];
shapeOf(residual(mlp)(tokens)) satisfies readonly [number, 144, 64];
shapeOf(checkpointed(sequential(layerNorm(64), mlp))(tokens)) satisfies readonly [number, 144, 64];

export const encoder = stack([
  residual(sequential(layerNorm(64), attention(64, 8, { qkvBias: false }), dropPath(0.1))),
  residual(sequential(layerNorm(64), mlp, dropPath(0.1))),
  layerNorm(64),
]);
encoder satisfies Layer<Tokens<64>, Tokens<64>>;

export const mixer = sequential(
  conv2d(3, 48, { kernel: 3, stride: 2, bias: zeros() }),
  swish(),
  mixedDepthwise(48, [3, 5, 7], { stride: 2 }),
  squeezeExcite(48, { ratio: 4, activation: prelu, scaleActivation: sigmoid }),
  channelShuffle(2),
  variableGroupConv(48, 96, { kernel: 3, groupSize: 8 }),
  relu6(),
);
shapeOf(mixer(images)) satisfies readonly [number, 96, number, number];

// In blocks whose widths are the caller's.
export const block = <const C extends number>(channels: C) =>
  module(
    { norm: layerNorm(channels), attention: attention(channels, 4), mlp: linear(channels, channels) },
    ({ norm, attention, mlp }, x: Tokens<C>): Tokens<C> => x.add(mlp(attention(norm(x)))),
  );
shapeOf(block(64)(tokens)) satisfies readonly [number, number, 64];

export const perceptron = <const C extends number, const H extends number>(channels: C, hidden: H) =>
  residual(sequential(layerNorm(channels), linear(channels, hidden), gelu(), linear(hidden, channels)));
shapeOf(perceptron(64, 256)(tokens)) satisfies readonly [number, 144, 64];
