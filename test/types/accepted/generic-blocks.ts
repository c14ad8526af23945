// Blocks whose channels are the caller's literals.
import {
  batchNorm2d,
  conv2d,
  type Features,
  type Images,
  module,
  normal,
  normalize,
  ops,
  parameter,
  prelu,
  relu,
  residual,
  type Shape,
  sequential,
  type Tensor,
} from "f2c-dsl";
import { shapeOf, some } from "./shape-of.js";

const convBlock = <const I extends number, const O extends number>(inputs: I, outputs: O) =>
  module(
    {
      conv: conv2d(inputs, outputs, { kernel: 3, padding: 1 }),
      bn: batchNorm2d(outputs),
      act: prelu(outputs),
    },
    ({ conv, bn, act }, x: Images<I>): Images<O> => act(bn(conv(x))),
  );

const listBlock = <const I extends number, const O extends number>(inputs: I, outputs: O) =>
  sequential(conv2d(inputs, outputs, { kernel: 3 }), batchNorm2d(outputs), relu(), prelu(outputs));

const addBlock = <const C extends number>(channels: C) =>
  module(
    { a: convBlock(channels, channels), b: convBlock(channels, channels) },
    ({ a, b }, x: Images<C>): Images<C> => x.add(b(a(x))),
  );

const residualBlock = <const C extends number>(channels: C) => residual(listBlock(channels, channels));

const projection = <const I extends number, const O extends number>(inputs: I, outputs: O) =>
  module(
    { weight: parameter([inputs, outputs], normal(0.01)) },
    ({ weight }, x: Features<I>): Features<O> => x.matmul(normalize(weight)),
  );

const net = sequential(convBlock(3, 8), listBlock(8, 16), addBlock(16), residualBlock(16));
shapeOf(net(some<Images<3>>())) satisfies readonly [number, 16, number, number];
shapeOf(projection(64, 10)(some<Features<64>>())) satisfies readonly [number, 10];

// A function of tensors of any batch size.
export const similarities = <B extends number>(
  x: Tensor<readonly [B, 512], "f32">,
  y: Tensor<readonly [B, 512], "f32">,
): Tensor<readonly [B, B], "f32"> => x.matmul(y.transpose(0, 1));
shapeOf(similarities(some<Tensor<readonly [8, 512], "f32">>(), some<Features<512, 8>>())) satisfies readonly [
  8,
  8,
];

// Sizes of generic code broadcast with themselves, with 1 and with unknown ones, and give what they were.
export const shift = <const C extends number>(channels: C) =>
  module({ b: parameter([channels], normal(1)) }, ({ b }, x: Features<C>): Features<C> => x.add(b));

export const gate = <const C extends number>(channels: C) =>
  module(
    { g: parameter([channels, 1, 1], normal(1)) },
    ({ g }, x: Images<C>): Images<C> => x.mul(g).add(x).relu(),
  );

export const standardised = <N extends number, D extends number>(
  x: Tensor<readonly [N, D], "f32">,
  gain: Tensor<readonly [1, D], "f32">,
): Tensor<readonly [N, D], "f32"> =>
  gain.mul(x.sub(x.mean(1, { keepdim: true })).div(x.norm(1, { keepdim: true }))).sub(x);

export const masked = <C extends number>(
  x: Features<C>,
  mask: Tensor<readonly [number], "bool">,
): Features<C> => ops.where(mask.unsqueeze(1), x, 0).add(x.masked_fill(mask.unsqueeze(1), 0));

export const joined = <B extends number>(
  x: Tensor<readonly [B, 512], "f32">,
  y: Features<512>,
): Tensor<readonly [B, 512], "f32"> => x.add(y).mul(y).sub(x);

export const centred = <N extends number>(x: Tensor<readonly [N, N], "f32">) => x.sub(x.sum(1)).mul(x);

// Dimensions of generic shapes.
export const pooled = <C extends number>(x: Images<C>): Features<C> => x.mean([2, 3]);
export const excited = <C extends number>(x: Images<C>): Images<C> =>
  x.mul(x.mean([2, 3], { keepdim: true }).sigmoid());
export const turned = <N extends number, D extends number>(
  x: Tensor<readonly [N, D], "f32">,
): Tensor<readonly [D, N], "f32"> =>
  x.softmax(-1).flip([0]).unsqueeze(-1).sum(2).permute([1, 0]).mul(x.transpose(0, -1));
export const ofAnyRank = <S extends Shape>(x: Tensor<S, "f32">) => [
  x
    .softmax(-1)
    .mul(x)
    .sub(x.mean(1, { keepdim: true })),
  ops
    .stack([x.flip([0, 1]), x.transpose(0, 1)], 2)
    .unsqueeze(-1)
    .permute([1, 0]),
];

// Dtypes of generic code stay what they are.
export const doubled = <D extends "f32" | "bf16">(
  x: Tensor<readonly [number, 8], D>,
): Tensor<readonly [number, 8], D> => x.add(x).mul(2).div(x.norm()).clamp({ min: 0.5 }).relu();
