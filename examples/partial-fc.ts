import {
  cosFace,
  epochs,
  experiment,
  instances,
  mobileFaceNet,
  partialFc,
  polynomial,
  sgd,
  syntheticFaces,
  verification,
  zipf,
} from "f2c-dsl";

// Partial FC: each step compares with the classes of its images and, up to a tenth of all, others drawn anew; only these centres are
// moved. `ms1mv3()`, `glint360k()` and `webface42m()` are the recipes for the large sets.
export default experiment({
  name: "partial-fc",
  data: syntheticFaces({ identities: 600, imagesPerIdentity: zipf(10), size: 48, seed: 31 }),
  method: partialFc({
    net: mobileFaceNet({ embedding: 128, width: 0.5 }),
    margin: cosFace({ scale: 32, margin: 0.2 }),
    share: 0.1,
  }),
  loader: instances({ images: 48 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  lr: polynomial({ base: 0.1, warmup: 0.5 }),
  layout: "channels_last",
  epochs: 4,
  evaluate: verification({ pairs: "held-out", every: epochs(2) }),
});
