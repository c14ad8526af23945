import {
  adaptiveAvgPool2d,
  attention,
  batchNorm1d,
  batchNorm2d,
  channelShuffle,
  conv2d,
  type Features,
  flatten,
  gelu,
  type Images,
  layerNorm,
  linear,
  maxPool2d,
  mixedDepthwise,
  mobileFaceNet,
  module,
  net,
  normal,
  parameter,
  prelu,
  relu,
  residual,
  sequential,
  squeezeExcite,
  stack,
  type Tokens,
  variableGroupConv,
} from "f2c-dsl";
import { some } from "../accepted/shape-of.js";

const conv = conv2d(3, 64, { kernel: 3 });

// error: Type '64' is not assignable to type '32'
module({ conv, bn: batchNorm2d(32) }, ({ conv, bn }, x: Images<3>) => bn(conv(x)));

// error: Type '64' is not assignable to type '32'
module({ conv, act: prelu(32), relu: relu() }, ({ conv, act, relu }, x: Images<3>) => act(relu(conv(x))));

// error: Type '4' is not assignable to type '3'
conv(some<Images<4>>());

// error: Property 'bn' does not exist on type
module({ conv }, ({ bn }, x: Images<3>) => bn(x));

// error: Tensor<readonly [2], "f32">' has no call signatures
module({ w: parameter([2], normal(1)) }, ({ w }, x: Images<3>) => w(x));

// error: layer 1 takes f32 [?, 32, ?, ?], the one before gives f32 [?, 64, ?, ?]
sequential(conv, batchNorm2d(32));

// error: layer 3 takes f32 [?, 3, ?, ?], the one before gives f32 [?, 64, ?, ?]
sequential(conv, relu(), maxPool2d(2), conv);

// A linear layer takes images along their rows; what it gives is no matrix of features.
// error: layer 2 takes f32 [?, 10], the one before gives f32 [?, 64, ?, 10]
sequential(conv, linear(16, 10), batchNorm1d(10));

// error: layer 3 takes f32 [?, 12], the one before gives f32 [?, 10]
sequential(adaptiveAvgPool2d(1), flatten(), linear(64, 10), batchNorm1d(12));

// error: layer 1 takes f32 [?, 32, ?, ?], the one before gives f32 [?, 64, ?, ?]
stack([prelu(64), prelu(32)]);

// error: each layer takes f32 [?, 3, ?, ?] and gives f32 [?, 64, ?, ?]
stack([1, 2].map(() => conv));

// error: residual: the body takes f32 [?, 3, ?, ?] and gives f32 [?, 64, ?, ?]
residual(conv);

// error: the net gives f32 [?, 64], embeddings of 128 are f32 [?, 128]
net(128, () => sequential(flatten(), linear(400, 64)));

// error: the net gives f32 [?, 64, ?, ?], embeddings of 64 are f32 [?, 64]
net(64, () => conv);

export const block = <const I extends number, const O extends number>(inputs: I, outputs: O) => {
  const [conv, bn] = [conv2d(inputs, outputs, { kernel: 1 }), batchNorm2d(inputs)];
  // error: The types of '[dims][1]' are incompatible
  return module({ conv, bn }, ({ conv, bn }, x: Images<I>) => bn(conv(x)));
};

// error: 'kernal' does not exist in type 'Conv2dOptions'. Did you mean to write 'kernel'?
conv2d(3, 64, { kernal: 3 });

// error: Expected 3 arguments, but got 2
conv2d(3, 64);

// error: Type 'string' is not assignable to type 'Size | undefined'
conv2d(3, 64, { kernel: 3, padding: "same" });

// error: Type '"scale"' is not assignable to type 'boolean | "shift" | "frozen-scale" | undefined'
batchNorm2d(64, { affine: "scale" });

// error: 'dim' does not exist in type 'MobileFaceNetOptions'
mobileFaceNet({ dim: 128 });

// error: Type 'number' is not assignable to type 'Child'
module({ conv, width: 3 }, ({ conv }, x: Images<3>) => conv(x));

// error: the layer takes 16 features, its input is [?, ?, 8]
linear(16, 10)(some<Tokens<8>>());

// error: the layer takes 16 features, its input is [?, 8]
layerNorm(16)(some<Features<8>>());

// error: layer 1 takes f32 [..., 32], the one before gives f32 [?, ?, 64]
sequential(attention(64, 8), linear(32, 64));

// error: layer 1 takes f32 [?, ?, 32], the one before gives f32 [..., 64]
sequential(layerNorm(64), attention(32, 8));

// error: layer 2 takes f32 [..., 64], the one before gives f32 [..., 128]
sequential(linear(64, 128), gelu(), linear(64, 64));

// error: residual: the body takes f32 [..., 64] and gives f32 [..., 32]
residual(linear(64, 32));

// error: Type '4' is not assignable to type '3'
attention(64, 8)(some<Images<3>>());

// error: layer 1 takes f32 [?, 32, ?, ?], the one before gives f32 [?, 64, ?, ?]
sequential(mixedDepthwise(64, [3, 5]), squeezeExcite(32));

// error: layer 2 takes f32 [?, 32, ?, ?], the one before gives f32 [?, 64, ?, ?]
sequential(variableGroupConv(64, 64, { kernel: 3 }), channelShuffle(2), mixedDepthwise(32, [3]));

// error: 'groups' does not exist in type
variableGroupConv(64, 64, { kernel: 3, groups: 8 });
