/** @file A small experiment to start from: classification on a folder of one's own faces. */
import { inBrackets, part, textOf } from "./experiment-text.js";

export interface OwnFaces {
  readonly name: string;
  /** One folder a person, relative to the experiment's file. */
  readonly folder: string;
}

export const ownFaces = ({ name, folder }: OwnFaces): string =>
  inBrackets(
    "Begun by `f2c-dsl new`. `f2c-dsl check` compiles it, `f2c-dsl data check` looks at every image, `f2c-dsl run` trains.",
    [
      `// One folder a person, with its pictures, faces cut out alike: ${folder}/anna/1.jpg.`,
      `const root = ${textOf(folder)};`,
    ],
    [
      part(
        ["imageFolder"],
        [
          `name: ${textOf(name)},`,
          "// A fifth of the people is kept back, to be told apart when the net is trained.",
          "data: imageFolder({ root, size: 112, heldOut: 0.2 }),",
        ],
      ),
      part(
        ["arcFace", "classification", "full", "mobileFaceNet"],
        [
          "// A centre for every person. From some 100,000 people on, `f2c` or `sampled()` need less: docs/heads.md.",
          "method: classification({",
          "  net: mobileFaceNet({ embedding: 128, width: 0.5 }),",
          "  bank: full(),",
          "  margin: arcFace({ scale: 16, margin: 0.2 }),",
          "}),",
        ],
      ),
      part(
        ["affine", "colour", "erase", "flip", "instances", "loader"],
        [
          "// Few photographs are learnt by heart, unless each looks different every time.",
          "loader: loader(",
          "  instances({ images: 64 }),",
          "  flip(),",
          "  affine({ shift: 6, zoom: 0.15, rotate: 10 }),",
          "  colour({ contrast: 0.3, brightness: 0.3 }),",
          "  erase(0.4),",
          "),",
        ],
      ),
      part(
        ["cosine", "sgd"],
        [
          "optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 5e-3 }),",
          "lr: cosine({ base: 0.05, warmup: 1 }),",
          "epochs: 30,",
          'layout: "channels_last",',
        ],
      ),
      part(["epochs", "verification"], ["evaluate: verification({ every: epochs(10) }),"]),
    ],
  );
