import {
  adamw,
  cosFace,
  experiment,
  instances,
  partialFc,
  polynomial,
  syntheticFaces,
  verification,
  vit,
  zipf,
} from "f2c-dsl";

// A small vision transformer with Partial FC and AdamW. A tenth of the patches of each image are left out of its blocks, drawn on the
// device; vit("tiny"), "small", "base" and "large" are those of arcface_torch.
export default experiment({
  name: "vit",
  data: syntheticFaces({ identities: 600, imagesPerIdentity: zipf(10), size: 48, seed: 61 }),
  method: partialFc({
    net: vit({ width: 96, depth: 6 }, { embedding: 128, patch: 8, heads: 4, mask: 0.1, dropPath: 0.05 }),
    margin: cosFace({ scale: 32, margin: 0.2 }),
    share: 0.3,
  }),
  loader: instances({ images: 64 }),
  optimizer: adamw({ weightDecay: 0.1, decay: "matrices", clip: 5 }),
  lr: polynomial({ base: 1e-3, warmup: 1 }),
  epochs: 10,
  evaluate: verification(),
});
