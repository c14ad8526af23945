import {
  cosFace,
  dual,
  embed,
  experiment,
  f2c,
  faceNms,
  fixed,
  mobileFaceNet,
  sgd,
  study,
  subset,
  syntheticFaces,
  verification,
} from "f2c-dsl";

// Much of what is collected shows the same twice: two of three pictures here are one before them with small changes, as frames of a
// video are. A net that is trained on few people sees which; Face-NMS keeps what differs, and the final net learns from that.
const faces = syntheticFaces({
  identities: 100,
  imagesPerIdentity: fixed(12),
  size: 32,
  seed: 1,
  duplicates: { share: 0.65, change: 0.1 },
});

const method = f2c({
  net: mobileFaceNet({ embedding: 64, width: 0.25 }),
  pool: { capacity: 48 },
  margin: cosFace({ scale: 16, margin: 0.2 }),
});
const training = {
  method,
  loader: dual({ identities: 12, instances: 12 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }),
  lr: 0.05,
};

const proxy = experiment({
  ...training,
  name: "proxy",
  data: syntheticFaces({ identities: 60, imagesPerIdentity: fixed(6), size: 32, seed: 2 }),
  steps: 100,
});
const features = embed({ net: proxy, data: faces, of: "train" });
const core = faceNms({ features, keep: 0.6 });

export default study({
  proxy,
  features,
  core,
  final: experiment({
    ...training,
    name: "final",
    data: subset(faces, core),
    steps: 200,
    evaluate: verification(),
  }),
});
