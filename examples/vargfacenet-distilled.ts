import {
  angular,
  arcFace,
  cosine,
  distil,
  epochs,
  experiment,
  generations,
  instances,
  mobileFaceNet,
  sgd,
  softmax,
  study,
  syntheticFaces,
  varGFaceNet,
  verification,
  weights,
  zipf,
} from "f2c-dsl";

// VarGFaceNet with recursive distillation: a teacher learns the identities; a student learns them too and to embed as the teacher does;
// the next generation starts from that student and has the same teacher. varGFaceNet() is the paper's; here it is narrower.
const shared = {
  data: syntheticFaces({ identities: 150, imagesPerIdentity: zipf(10), size: 32, seed: 71 }),
  loader: instances({ images: 48 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  lr: cosine({ base: 0.1, warmup: 1 }),
  layout: "channels_last" as const,
  epochs: 6,
  evaluate: verification({ pairs: "held-out", every: epochs(6) }),
};
const wide = mobileFaceNet({ embedding: 128, width: 0.75 });
const student = varGFaceNet({ embedding: 128, width: 0.5 });
const margin = arcFace({ scale: 32, margin: 0.3 });

const teacher = experiment({ ...shared, name: "teacher", method: softmax({ net: wide, margin }) });

export default study({
  teacher,
  ...generations(2, ({ name, start }) =>
    experiment({
      ...shared,
      name,
      method: distil(softmax({ net: start(student), margin }), {
        teacher: weights(wide, teacher),
        loss: angular(),
        weight: 7,
      }),
    }),
  ),
});
