/**
 * @file IResNet, the residual net of ArcFace (Deng et al. 2019, arXiv 1801.07698, "improved" as in arXiv 2004.04989), as arcface_torch
 * has it: layer by layer, and with the names that its state dict has, but for BatchNorm's running statistics (`mean`, `variance`) and
 * the slopes of PReLU.
 */

import { inF32 } from "../core/compiled.js";
import { normal } from "../core/initialisers.js";
import { type Layer, module } from "../core/module.js";
import type { Features, Images } from "../core/tensor.js";
import { sequential, stack } from "../layers/compose.js";
import { batchNorm1d, batchNorm2d, conv2d, flatten, linear, prelu } from "../layers/layers.js";
import { type Net, net } from "../method/net.js";
import { halvedFourTimes } from "./halved.js";

/** Blocks of each of the four stages. */
const BLOCKS = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 14, 3],
  100: [3, 13, 30, 3],
  200: [6, 26, 60, 6],
} as const;
const WIDTHS = [64, 128, 256, 512] as const;

export interface IResNetOptions {
  /** Length of the embedding. */
  embedding?: number;
}

type Block = Layer<Images, Images>;

const start = normal(0.1);
const conv = (inputs: number, outputs: number, kernel: 1 | 3, stride = 1) =>
  conv2d(inputs, outputs, { kernel, stride, padding: (kernel - 1) / 2, init: start });

/** x and three layers of normalisation around two convolutions, of which the second halves the size; nothing comes after the sum. */
const block = (inputs: number, outputs: number, stride: number): Block =>
  module(
    {
      bn1: batchNorm2d(inputs),
      conv1: conv(inputs, outputs, 3),
      bn2: batchNorm2d(outputs),
      prelu: prelu(outputs),
      conv2: conv(outputs, outputs, 3, stride),
      bn3: batchNorm2d(outputs),
      downsample:
        stride === 1 && inputs === outputs
          ? null
          : sequential(conv(inputs, outputs, 1, stride), batchNorm2d(outputs)),
    },
    ({ bn1, conv1, bn2, prelu, conv2, bn3, downsample }, x: Images): Images => {
      const y = bn3(conv2(prelu(bn2(conv1(bn1(x))))));
      return y.add(downsample === null ? x : downsample(x));
    },
  );

const stage = (inputs: number, outputs: number, blocks: number): Block =>
  stack(
    Array.from({ length: blocks }, (_, i) => block(i === 0 ? inputs : outputs, outputs, i === 0 ? 2 : 1)),
  );

/**
 * IResNet of 18, 34, 50, 100 or 200 layers: 24,025,600, 34,139,328, 43,590,848, 65,156,160 and 118,833,920 parameters with embeddings of 512 and
 * 112 x 112 pixels. Its last product is in f32 under any `precision`, as there.
 */
export const iresnet = (depth: keyof typeof BLOCKS, { embedding = 512 }: IResNetOptions = {}): Net =>
  net(embedding, ([channels, height, width]) => {
    const stages = WIDTHS.map((outputs, i) => stage(WIDTHS[i - 1] ?? 64, outputs, BLOCKS[depth][i]!));
    return module(
      {
        conv1: conv(channels, 64, 3),
        bn1: batchNorm2d(64),
        prelu: prelu(64),
        layer1: stages[0]!,
        layer2: stages[1]!,
        layer3: stages[2]!,
        layer4: stages[3]!,
        bn2: batchNorm2d(512),
        flatten: flatten(),
        fc: linear(512 * halvedFourTimes(height) * halvedFourTimes(width), embedding),
        features: batchNorm1d(embedding, { affine: "frozen-scale" }),
      },
      ({ conv1, bn1, prelu, layer1, layer2, layer3, layer4, bn2, flatten, fc, features }, x: Images) => {
        const x4 = layer4(layer3(layer2(layer1(prelu(bn1(conv1(x)))))));
        return features(inF32(() => fc(flatten(bn2(x4)))) as Features);
      },
    );
  });
