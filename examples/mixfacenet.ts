import {
  arcFace,
  epochs,
  experiment,
  instances,
  mixFaceNet,
  multistep,
  sgd,
  softmax,
  syntheticFaces,
  verification,
  zipf,
} from "f2c-dsl";

// MixFaceNet: depthwise convolutions whose channels have kernels of 3 to 11, shuffled between the units. This is the smallest of the paper
// with half of its channels; mixFaceNet("s", { shuffle: true }) is ShuffleMixFaceNet-S as it is.
export default experiment({
  name: "mixfacenet",
  data: syntheticFaces({ identities: 300, imagesPerIdentity: zipf(10), size: 48, seed: 51 }),
  method: softmax({
    net: mixFaceNet("xs", { embedding: 128, shuffle: true, width: 0.5 }),
    margin: arcFace({ scale: 32, margin: 0.3 }),
  }),
  loader: instances({ images: 48 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  lr: multistep({ base: 0.1, epochs: [3, 4.5], factor: 0.1, warmup: 0.5 }),
  layout: "channels_last",
  epochs: 5,
  evaluate: verification({ pairs: "held-out", every: epochs(5) }),
});
