import {
  adaptiveAvgPool2d,
  batchNorm1d,
  batchNorm2d,
  conv2d,
  cosFace,
  cosine,
  dual,
  experiment,
  f2c,
  flatten,
  type Images,
  imageFolder,
  linear,
  module,
  net,
  prelu,
  sgd,
  stack,
  steps,
  verification,
} from "f2c-dsl";

// Real photographs: the Database of Faces of AT&T Laboratories Cambridge, 39 identities, 10 images each.
// 29 identities train, the last 10 are verified: all 450 genuine pairs and 450 impostor pairs.
// F2C_ORL_FACES says where the folder lies.
const root = process.env.F2C_ORL_FACES ?? "../../shared/data/orl-faces";

const block = (inputs: number, outputs: number, stride: number) =>
  module(
    {
      conv: conv2d(inputs, outputs, { kernel: 3, stride, padding: 1 }),
      bn: batchNorm2d(outputs),
      act: prelu(outputs),
    },
    ({ conv, bn, act }, x: Images): Images => act(bn(conv(x))),
  );

// A net of one's own: six small convolutions and global average pooling, which 29 people do not overfit at once.
const small = (width: number, embedding: number) =>
  net(embedding, ([channels]) =>
    module(
      {
        blocks: stack([
          block(channels, width, 2),
          block(width, width, 1),
          block(width, 2 * width, 2),
          block(2 * width, 2 * width, 1),
          block(2 * width, 4 * width, 2),
          block(4 * width, 4 * width, 1),
        ]),
        pool: adaptiveAvgPool2d(1),
        flatten: flatten(),
        project: linear(4 * width, embedding, { bias: false }),
        bn: batchNorm1d(embedding),
      },
      ({ blocks, pool, flatten, project, bn }, x: Images) => bn(project(flatten(pool(blocks(x))))),
    ),
  );

export default experiment({
  name: "orl-faces",
  data: imageFolder({ root, size: [56, 48], channels: 1, fit: "stretch", heldOut: 10 }),
  method: f2c({
    net: small(16, 128),
    ema: () => 0.9,
    pool: { capacity: 29, rows: 2 },
    margin: cosFace({ scale: 16, margin: 0.2 }),
  }),
  loader: dual({ identities: 16, instances: 16, shift: 4, zoom: 0.15, light: 0.3 }),
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-4 }),
  lr: cosine({ base: 0.05, warmup: 1 }),
  steps: 400,
  evaluate: verification({ pairs: "held-out", every: steps(100) }),
});
