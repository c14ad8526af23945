import {
  adaptiveAvgPool2d,
  batchNorm1d,
  batchNorm2d,
  checkpointed,
  conv2d,
  cosine,
  dual,
  experiment,
  f2c,
  flatten,
  type Images,
  type Layer,
  linear,
  margin,
  module,
  net,
  prelu,
  residual,
  sequential,
  sgd,
  steps,
  syntheticFaces,
  verification,
  zipf,
} from "f2c-dsl";

// A deep net that fits: bf16 products, channels last, blocks computed again for the gradient instead of kept, and one update
// for two steps. `f2c-dsl ir examples/deep.ts --print-after remat` shows what becomes of it.

type Block = Layer<Images, Images>;

const unit = (channels: number): Block =>
  residual(
    sequential(
      batchNorm2d(channels),
      conv2d(channels, channels, { kernel: 3, padding: 1, bias: false }),
      batchNorm2d(channels),
      prelu(channels),
      conv2d(channels, channels, { kernel: 3, padding: 1, bias: false }),
    ),
  );

const down = (inputs: number, outputs: number): Block =>
  sequential(
    conv2d(inputs, outputs, { kernel: 3, stride: 2, padding: 1, bias: false }),
    batchNorm2d(outputs),
    prelu(outputs),
  );

const deep = (units: readonly number[], embedding: number) =>
  net(embedding, ([channels]) =>
    module(
      {
        stages: units.map((count, i) => ({
          down: down(i === 0 ? channels : 8 << i, 16 << i),
          units: Array.from({ length: count }, () => checkpointed(unit(16 << i))),
        })),
        pool: adaptiveAvgPool2d(2),
        flatten: flatten(),
        project: linear(4 * (8 << units.length), embedding),
        bn: batchNorm1d(embedding),
      },
      ({ stages, pool, flatten, project, bn }, images: Images) => {
        let x = images;
        for (const { down, units } of stages) {
          x = down(x);
          for (const unit of units) x = unit(x);
        }
        return bn(project(flatten(pool(x))));
      },
    ),
  );

// A margin of one's own: CosFace, but classes that come nearer than the own one count more (CurricularFace, Huang et al. 2020,
// with its running share held at `hard`).
const curricular = ({ scale, m, hard }: { scale: number; m: number; hard: number }) =>
  margin({
    numbers: { scale, m, hard },
    apply: ({ cosine }, { m }) => cosine.sub(m),
    hard: ({ cosine }, { m, hard }) => ({ above: cosine.sub(m), square: 1, slope: hard, offset: 0 }),
  });

export default experiment({
  name: "deep",
  data: syntheticFaces({ identities: 300, imagesPerIdentity: zipf(6), size: 48, seed: 5 }),
  method: f2c({
    net: deep([2, 3, 2], 64),
    ema: 0.97,
    pool: { capacity: 0.5 },
    margin: curricular({ scale: 24, m: 0.2, hard: 0.3 }),
  }),
  loader: dual({ identities: 16, instances: 16 }),
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  lr: cosine({ base: 0.05, warmup: 1 }),
  precision: "bf16",
  layout: "channels_last",
  accumulate: 2,
  steps: 300,
  evaluate: verification({ pairs: "held-out", every: steps(100) }),
});
