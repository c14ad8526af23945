// Layers with literal channels, one after the other, by call and by list.
import {
  adaptiveAvgPool2d,
  batchNorm1d,
  batchNorm2d,
  conv2d,
  dropout,
  type Features,
  flatten,
  type Images,
  type Layer,
  linear,
  maxPool2d,
  module,
  prelu,
  prelu1d,
  relu,
  residual,
  sequential,
  stack,
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
