import {
  cosFace,
  dual,
  embed,
  experiment,
  type Features,
  f2c,
  fixed,
  flatten,
  type Images,
  linear,
  mobileFaceNet,
  module,
  net,
  sgd,
  study,
  syntheticFaces,
  verification,
} from "f2c-dsl";

// A net is trained on few people, others are embedded with it, and a linear layer learns from these rows alone: how much of who
// somebody is can be read off the embeddings of a net that never saw them?
const few = syntheticFaces({ identities: 120, imagesPerIdentity: fixed(8), size: 32, seed: 1 });
const others = syntheticFaces({ identities: 80, imagesPerIdentity: fixed(8), size: 32, seed: 2 });

const proxy = experiment({
  name: "proxy",
  data: few,
  method: f2c({
    net: mobileFaceNet({ embedding: 64, width: 0.25 }),
    pool: { capacity: 48 },
    margin: cosFace({ scale: 16, margin: 0.2 }),
  }),
  loader: dual({ identities: 12, instances: 12 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
  lr: 0.05,
  steps: 120,
});

const features = embed({ net: proxy, data: others });

// A row is an image of 64 channels and one pixel.
const rows = net(32, () =>
  module(
    { flat: flatten(), fc: linear(64, 32) },
    ({ flat, fc }, x: Images): Features<32> => fc(flat(x)).as<[number, 32]>(),
  ),
);

export default study({
  proxy,
  features,
  head: experiment({
    name: "head",
    data: features,
    method: f2c({ net: rows, pool: { capacity: 48 }, margin: cosFace({ scale: 16, margin: 0.2 }) }),
    loader: dual({ identities: 16, instances: 16 }),
    optimizer: sgd({ momentum: 0.9 }),
    lr: 0.05,
    steps: 200,
    evaluate: verification(),
  }),
});
