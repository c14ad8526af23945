import {
  arcFace,
  cosine,
  experiment,
  identities,
  mobileFaceNet,
  sgd,
  syntheticFaces,
  verification,
  vfc,
  zipf,
} from "f2c-dsl";

// VFC: a hundred virtual classes for a thousand people. A column is made of the features that its identity has in the step, so a step has
// several images of each.
export default experiment({
  name: "vfc",
  data: syntheticFaces({ identities: 1000, imagesPerIdentity: zipf(8), size: 48, seed: 41 }),
  method: vfc({
    net: mobileFaceNet({ embedding: 128, width: 0.5 }),
    margin: arcFace({ scale: 32, margin: 0.3 }),
    columns: 100,
  }),
  loader: identities({ identities: 12, each: 5 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  lr: cosine({ base: 0.05, warmup: 1 }),
  layout: "channels_last",
  steps: 400,
  evaluate: verification(),
});
