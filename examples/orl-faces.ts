import {
  affine,
  colour,
  cosFace,
  cosine,
  dual,
  erase,
  experiment,
  f2c,
  flip,
  imageFolder,
  loader,
  mobileFaceNet,
  sgd,
  steps,
  verification,
} from "f2c-dsl";

// Real photographs: the Database of Faces of AT&T Laboratories Cambridge, 39 identities, 10 images each.
// 29 identities train, the last 10 are verified: all 450 genuine pairs and 450 impostor pairs.
// F2C_ORL_FACES says where the folder lies.
const root = process.env.F2C_ORL_FACES ?? "../../shared/data/orl-faces";

export default experiment({
  name: "orl-faces",
  data: imageFolder({ root, size: [56, 48], channels: 1, fit: "stretch", heldOut: 10 }),
  method: f2c({
    net: mobileFaceNet({ embedding: 128, width: 0.5 }),
    // The class centres must follow quickly at first; then the Gallery Net averages many steps, and is the one to keep.
    ema: ({ step, steps }) => (step < steps / 2 ? 0.9 : 0.98),
    embed: "gallery",
    pool: { capacity: 29, rows: 2 },
    margin: cosFace({ scale: 16, margin: 0.2 }),
  }),
  // So few photographs are overfitted at once, unless every one looks different each time.
  loader: loader(
    dual({ identities: 20, instances: 18 }),
    flip(),
    affine({ shift: 4, zoom: 0.15, rotate: 10 }),
    colour({ contrast: 0.3, brightness: 0.3 }),
    erase(0.4),
  ),
  optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-3 }),
  layout: "channels_last",
  lr: cosine({ base: 0.05, warmup: 1 }),
  steps: 450,
  evaluate: verification({ pairs: "held-out", every: steps(150) }),
});
