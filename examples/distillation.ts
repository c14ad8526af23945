import {
  angular,
  arcFace,
  cosine,
  distil,
  epochs,
  experiment,
  instances,
  mobileFaceNet,
  partialFc,
  sgd,
  study,
  syntheticFaces,
  verification,
  weights,
  zipf,
} from "f2c-dsl";

// Distillation as VarGFaceNet does it: a wide net learns the identities; a net with a seventh of its parameters then learns them too, and at
// the same time to embed every image as the wide one does.
const shared = {
  data: syntheticFaces({ identities: 200, imagesPerIdentity: zipf(10), size: 40, seed: 3 }),
  loader: instances({ images: 48 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  lr: cosine({ base: 0.1, warmup: 1 }),
  layout: "channels_last" as const,
  evaluate: verification({ pairs: "held-out", every: epochs(4) }),
};
const wide = mobileFaceNet({ embedding: 128, width: 0.75 });
const narrow = mobileFaceNet({ embedding: 128, width: 0.25 });
const margin = arcFace({ scale: 32, margin: 0.3 });

const teacher = experiment({
  ...shared,
  name: "teacher",
  method: partialFc({ net: wide, margin, share: 0.5 }),
  epochs: 8,
});

export default study({
  teacher,
  student: experiment({
    ...shared,
    name: "student",
    method: distil(partialFc({ net: narrow, margin, share: 0.5 }), {
      teacher: weights(wide, teacher),
      loss: angular(),
      weight: 7,
    }),
    epochs: 8,
  }),
});
