// Blocks whose channels are the caller's literals.
import {
  batchNorm2d,
  conv2d,
  type Features,
  type Images,
  module,
  normal,
  normalize,
  parameter,
  prelu,
  relu,
  residual,
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
