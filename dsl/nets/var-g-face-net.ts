/**
 * @file VarGFaceNet (Yan et al. 2019, arXiv 1910.04985), layer by layer that of its authors' code: convolutions in groups of 8 channels, two
 * parallel branches where the size halves, and a head that keeps what the last map holds.
 */
import { type Layer, module } from "../core/module.js";
import { ABOVE_ZERO, inRange } from "../core/range.js";
import type { Images } from "../core/tensor.js";
import { squeezeExcite, variableGroupConv } from "../layers/channels.js";
import { sequential, stack } from "../layers/compose.js";
import { batchNorm1d, batchNorm2d, conv2d, flatten, linear, prelu } from "../layers/layers.js";
import { type Net, net } from "../method/net.js";
import { halvedFourTimes } from "./halved.js";

/** Of the three stages: channels at width 1, and blocks, of which the first halves the size. */
const STAGES = [
  [64, 3],
  [128, 7],
  [256, 4],
] as const;
const STEM = 32;

export interface VarGFaceNetOptions {
  /** Length of the embedding. */
  embedding?: number;
  /** Channels of the stages are those of the paper's width 1 times this; multiples of 8 must come out. */
  width?: number;
}

type Block = Layer<Images, Images>;
interface Separable {
  stride?: 1 | 2;
  /** Channels between the two convolutions, for one before. */
  factor?: number;
  /** Whether an activation ends it. */
  active?: boolean;
}

const norm = (channels: number) => batchNorm2d(channels, { eps: 2e-5 });

/** A variable group convolution and one of 1x1. */
const separable = (inputs: number, outputs: number, { stride = 1, factor = 2, active = false }: Separable) =>
  stack<Block[]>([
    variableGroupConv(inputs, factor * inputs, { kernel: 3, stride, padding: 1 }),
    norm(factor * inputs),
    prelu(factor * inputs),
    conv2d(factor * inputs, outputs, { kernel: 1 }),
    norm(outputs),
    ...(active ? [prelu(outputs)] : []),
  ] as Block[]) as Block;

/** Two separable convolutions whose channels are weighed, beside x or a third. */
const normal = (inputs: number, outputs: number, { stride = 1, factor = 2 }: Separable = {}): Block =>
  module(
    {
      sep1: separable(inputs, outputs, { stride, factor, active: true }),
      sep2: separable(outputs, outputs, { factor }),
      se: squeezeExcite(outputs, { ratio: 4, activation: prelu }),
      shortcut: stride === 1 && inputs === outputs ? null : separable(inputs, outputs, { stride, factor }),
      act: prelu(outputs),
    },
    ({ sep1, sep2, se, shortcut, act }, x: Images): Images =>
      act(se(sep2(sep1(x))).add(shortcut === null ? x : shortcut(x))),
  );

/** Halves the size, in two branches that are summed. */
const down = (inputs: number, outputs: number): Block =>
  module(
    {
      branch1: separable(inputs, outputs, { stride: 2 }),
      branch2: separable(inputs, outputs, { stride: 2 }),
      act1: prelu(outputs),
      sep: separable(outputs, outputs, {}),
      shortcut: separable(inputs, outputs, { stride: 2 }),
      act2: prelu(outputs),
    },
    ({ branch1, branch2, act1, sep, shortcut, act2 }, x: Images): Images =>
      act2(sep(act1(branch1(x).add(branch2(x)))).add(shortcut(x))),
  );

/** VarGFaceNet: 5,198,292 parameters with embeddings of 512, at width 1.25 and 112 x 112 pixels. */
export const varGFaceNet = ({ embedding = 512, width = 1.25 }: VarGFaceNetOptions = {}): Net => {
  inRange("varGFaceNet", "width", width, ABOVE_ZERO);
  return net(embedding, ([channels, height, imageWidth]) => {
    const scaled = (c: number) => Math.floor(c * width);
    const stem = scaled(STEM);
    const stages = STAGES.map(([outputs, blocks], i) => {
      const [from, to] = [scaled(STAGES[i - 1]?.[0] ?? STEM), scaled(outputs)];
      return stack([down(from, to), ...Array.from({ length: blocks - 1 }, () => normal(to, to))]) as Block;
    });
    const last = scaled(STAGES[2][0]);
    return module(
      {
        conv1: conv2d(channels, stem, { kernel: 3, padding: 1 }),
        bn1: norm(stem),
        act1: prelu(stem),
        head: normal(stem, stem, { stride: 2, factor: 1 }),
        stage2: stages[0]!,
        stage3: stages[1]!,
        stage4: stages[2]!,
        embed: sequential(
          conv2d(last, 1024, { kernel: 1 }),
          norm(1024),
          prelu(1024),
          variableGroupConv(1024, 1024, { kernel: [halvedFourTimes(height), halvedFourTimes(imageWidth)] }),
          norm(1024),
          conv2d(1024, 512, { kernel: 1 }),
          norm(512),
          prelu(512),
          flatten(),
        ),
        fc: linear(512, embedding),
        bn: batchNorm1d(embedding, { eps: 2e-5 }),
      },
      ({ conv1, bn1, act1, head, stage2, stage3, stage4, embed, fc, bn }, x: Images) =>
        bn(fc(embed(stage4(stage3(stage2(head(act1(bn1(conv1(x)))))))))),
    );
  });
};
