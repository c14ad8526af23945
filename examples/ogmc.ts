import {
  arcFace,
  cosine,
  embed,
  experiment,
  instances,
  mobileFaceNet,
  ogmc,
  partialFc,
  sgd,
  spread,
  study,
  syntheticFaces,
} from "f2c-dsl";

// A net is trained on some people. Others, of whom nobody says who is who, are embedded with it and arrive one after the other in any
// order: OGMC groups them as they come. At the end, how well its identities agree with the truth.
const faces = { size: 32, difficulty: 0.1 };
const known = syntheticFaces({ identities: 400, imagesPerIdentity: spread(6, 8), seed: 1, ...faces });
const strangers = syntheticFaces({ identities: 80, imagesPerIdentity: spread(4, 16), seed: 2, ...faces });

const proxy = experiment({
  name: "proxy",
  data: known,
  method: partialFc({
    net: mobileFaceNet({ embedding: 64, width: 0.25 }),
    margin: arcFace({ scale: 32, margin: 0.3 }),
    share: 1,
  }),
  loader: instances({ images: 48 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  lr: cosine({ base: 0.1, warmup: 1 }),
  layout: "channels_last",
  epochs: 8,
});

const features = embed({ net: proxy, data: strangers, of: "train" });

export default study({
  proxy,
  features,
  groups: ogmc({ features, fuse: 0.86, connectMixed: 0.8, connectRobust: 0.86 }),
});
