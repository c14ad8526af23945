/**
 * @file MixFaceNets (Boutros et al. 2021, arXiv 2107.13046), layer by layer those of their authors' code: MixNet's units, whose depthwise kernels
 * differ in size (Tan and Le 2019), with the channels shuffled after each if asked for.
 */
import { kaimingUniform } from "../core/initialisers.js";
import { type Layer, module } from "../core/module.js";
import { ABOVE_ZERO, inRange } from "../core/range.js";
import type { Images } from "../core/tensor.js";
import { swish } from "../layers/activations.js";
import { type Activation, channelShuffle, mixedDepthwise, squeezeExcite } from "../layers/channels.js";
import { sequential, stack } from "../layers/compose.js";
import { batchNorm1d, batchNorm2d, conv2d, flatten, prelu } from "../layers/layers.js";
import { type Net, net } from "../method/net.js";
import { halvedFourTimes } from "./halved.js";

/** Channels, expansion, how many kernels, groups of the expanding and of the projecting convolution, reduction of the weighing; how often. */
type Unit = readonly [c: number, e: number, kernels: number, expand: number, project: number, se: number];
type Stage = readonly Unit[];
const times = (n: number, unit: Unit): Stage => Array.from({ length: n }, () => unit);

const SMALL: readonly Stage[] = [
  [
    [24, 6, 1, 2, 2, 0],
    [24, 3, 1, 2, 2, 0],
  ],
  [[40, 6, 3, 1, 1, 2], ...times(3, [40, 6, 2, 2, 2, 2])],
  [[80, 6, 3, 1, 2, 4], ...times(2, [80, 6, 2, 1, 2, 4])],
  [
    [120, 6, 3, 2, 2, 2],
    ...times(2, [120, 3, 4, 2, 2, 2]),
    [200, 6, 5, 1, 1, 2],
    ...times(2, [200, 6, 4, 1, 2, 2]),
  ],
];
const MEDIUM: readonly Stage[] = [
  [
    [32, 6, 3, 2, 2, 0],
    [32, 3, 1, 2, 2, 0],
  ],
  [[40, 6, 4, 1, 1, 2], ...times(3, [40, 6, 2, 2, 2, 2])],
  [[80, 6, 3, 1, 1, 4], ...times(3, [80, 6, 4, 2, 2, 4])],
  [
    [120, 6, 1, 1, 1, 2],
    ...times(3, [120, 3, 4, 2, 2, 2]),
    [200, 6, 4, 1, 1, 2],
    ...times(3, [200, 6, 4, 1, 2, 2]),
  ],
];

/** Of each net: its stages, channels of the first unit and before the last convolution, and by how much all but these are wider. */
const NETS = {
  xs: { stages: SMALL, stem: 16, last: 512, width: 0.5 },
  s: { stages: SMALL, stem: 16, last: 1024, width: 1 },
  m: { stages: MEDIUM, stem: 24, last: 1024, width: 1 },
} as const;

export interface MixFaceNetOptions {
  /** Length of the embedding. */
  embedding?: number;
  /** Whether the channels are shuffled after each unit. After the first they always are, as there. */
  shuffle?: boolean;
  /** Channels of the units, times that of the net; to the next multiple of 8. */
  width?: number;
}

type Block = Layer<Images, Images>;
const init = kaimingUniform({ gain: Math.SQRT2 });

const conv = (inputs: number, outputs: number, kernel: number | readonly [number, number], options = {}) =>
  conv2d(inputs, outputs, { kernel, init, ...options });

/** Even channels first, then the odd ones. */
const shuffled = (channels: number) => channelShuffle(channels / 2);

const unit = (
  inputs: number,
  [outputs, e, kernels, expand, project, se]: Unit,
  { stride, act, shuffle }: { stride: 1 | 2; act: Activation; shuffle: boolean },
): Block => {
  const middle = e * inputs;
  const sizes = Array.from({ length: kernels }, (_, i) => 3 + 2 * i);
  const body = stack<Block[]>([
    ...(e > 1 ? [conv(inputs, middle, 1, { groups: expand }), batchNorm2d(middle), act(middle)] : []),
    mixedDepthwise(middle, sizes, { stride, init }),
    batchNorm2d(middle),
    act(middle),
    ...(se > 0 ? [squeezeExcite(middle, { ratio: e * se, activation: act, init })] : []),
    conv(middle, outputs, 1, { groups: project }),
    batchNorm2d(outputs),
  ] as Block[]) as Block;
  const keeps = stride === 1 && inputs === outputs;
  return module(
    { body, shuffle: shuffle ? shuffled(outputs) : null },
    ({ body, shuffle }, x: Images): Images => {
      const y = body(x);
      const sum = keeps ? y.add(x) : y;
      return shuffle === null ? sum : shuffle(sum);
    },
  );
};

/** A multiple of 8 near `c`, that is not much less. */
const rounded = (c: number) => {
  const near = Math.max(8, Math.floor((c + 4) / 8) * 8);
  return near < 0.9 * c ? near + 8 : near;
};

/** MixFaceNet-XS, -S and -M: 1,040,866, 3,073,110 and 3,953,046 parameters with embeddings of 512 and 112 x 112 pixels. */
export const mixFaceNet = (
  size: keyof typeof NETS,
  { embedding = 512, shuffle = false, width = 1 }: MixFaceNetOptions = {},
): Net => {
  inRange("mixFaceNet", "width", width, ABOVE_ZERO);
  const made = NETS[size];
  const scale = made.width * width;
  const scaled = (c: number) => (scale === 1 ? c : rounded(c * scale));
  return net(embedding, ([channels, height, imageWidth]) => {
    const stem = scaled(made.stem);
    let inputs = stem;
    const stages = made.stages.map((units, s) => {
      const halves = [-1, 0, 0, units.length / 2][s];
      return stack(
        units.map(([c, ...rest], i) => {
          const act = s === 0 ? prelu : swish;
          const next = unit(inputs, [scaled(c), ...rest], { stride: i === halves ? 2 : 1, act, shuffle });
          inputs = scaled(c);
          return next;
        }),
      ) as Block;
    });
    const { last } = made;
    return module(
      {
        stem: sequential(
          conv(channels, stem, 3, { stride: 2, padding: 1 }),
          batchNorm2d(stem),
          prelu(stem),
          unit(stem, [stem, 1, 1, 1, 1, 0], { stride: 1, act: prelu, shuffle: true }),
        ),
        stages,
        tail: sequential(conv(inputs, last, 1), batchNorm2d(last), prelu(last)),
        gather: conv(last, last, [halvedFourTimes(height), halvedFourTimes(imageWidth)], { groups: last }),
        gathered: batchNorm2d(last),
        project: conv(last, embedding, 1),
        flatten: flatten(),
        features: batchNorm1d(embedding, { affine: "frozen-scale" }),
      },
      ({ stem, stages, tail, gather, gathered, project, flatten, features }, x: Images) => {
        let y: Images = stem(x);
        for (const stage of stages) y = stage(y);
        return features(flatten(project(gathered(gather(tail(y))))));
      },
    );
  });
};
