import {
  cosFace,
  dual,
  epochs,
  experiment,
  f2c,
  hardest,
  mobileFaceNet,
  multistep,
  sgd,
  syntheticFaces,
  verification,
  zipf,
} from "f2c-dsl";

// F2C with a narrow MobileFaceNet on drawn faces: a few minutes on a CPU.
export default experiment({
  name: "quickstart",
  data: syntheticFaces({ identities: 500, imagesPerIdentity: zipf(12), size: 56, seed: 7 }),
  method: f2c({
    net: mobileFaceNet({ embedding: 128, width: 0.5 }),
    ema: () => 0.99, // your TypeScript, called every step
    pool: { capacity: 0.5, rows: 2, evict: "lru" },
    margin: cosFace({ scale: 32, margin: 0.2 }),
    negatives: hardest({ k: "auto" }),
  }),
  loader: dual({ identities: 32, instances: 32 }),
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  lr: multistep({ base: 0.05, epochs: [1, 1.6], factor: 0.1 }),
  layout: "channels_last", // how it is computed: on a CPU, convolutions are half again as fast
  epochs: 2,
  evaluate: verification({ pairs: "held-out", every: epochs(1) }),
});
