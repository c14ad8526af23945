import {
  cosFace,
  cosine,
  epochs,
  experiment,
  type Features,
  frozen,
  groups,
  type Images,
  instances,
  linear,
  mobileFaceNet,
  module,
  type Net,
  net,
  sgd,
  softmax,
  study,
  syntheticFaces,
  verification,
  weights,
  zipf,
} from "f2c-dsl";

// Fine-tuning. A net has learned many people; a new set has few, with few images each. A new embedding of 64 numbers is trained on the old net as
// it is, and then the whole, in which what is old learns ten times slower and waits for an epoch.
const many = syntheticFaces({ identities: 300, imagesPerIdentity: zipf(8), size: 40, seed: 5 });
const few = syntheticFaces({ identities: 120, imagesPerIdentity: zipf(6), size: 40, seed: 6 });

const backbone = mobileFaceNet({ embedding: 128, width: 0.5 });
const withHead = (given: Net): Net =>
  net(64, (shape) =>
    module(
      { backbone: given(shape), head: linear(128, 64) },
      ({ backbone, head }, x: Images): Features<64> => head(backbone(x).as<[number, 128]>()),
    ),
  );

const shared = {
  loader: instances({ images: 32 }),
  layout: "channels_last" as const,
  evaluate: verification({ pairs: "held-out", every: epochs(10) }),
};
const margin = cosFace({ scale: 32, margin: 0.2 });
const by = sgd({ momentum: 0.9, weightDecay: 5e-4 });

const base = experiment({
  ...shared,
  name: "base",
  data: many,
  method: softmax({ net: backbone, margin }),
  optimizer: by,
  lr: cosine({ base: 0.05, warmup: 1 }),
  epochs: 5,
});

const head = experiment({
  ...shared,
  name: "head",
  data: few,
  method: softmax({ net: withHead(frozen(weights(backbone, base))), margin }),
  optimizer: by,
  lr: cosine({ base: 0.05 }),
  epochs: 10,
});

const tuned = experiment({
  ...shared,
  name: "tuned",
  data: few,
  method: softmax({ net: weights(withHead(backbone), head), margin }),
  optimizer: groups([
    { of: "net.backbone.*", by, lr: 0.1, from: { epoch: 1 } },
    { by, name: "new" },
  ]),
  lr: cosine({ base: 0.02 }),
  epochs: 10,
});

export default study({ base, head, tuned });
