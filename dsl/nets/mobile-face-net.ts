/** @file MobileFaceNet as F2C's code has it. Chen et al. 2018, arXiv 1804.07573. */

import { kaimingNormal } from "../initialisers.js";
import { residual, stack } from "../layers/compose.js";
import { batchNorm1d, batchNorm2d, conv2d, flatten, prelu } from "../layers/layers.js";
import { type Net, net } from "../method.js";
import { type Layer, module } from "../module.js";
import type { Images } from "../tensor.js";

export interface MobileFaceNetOptions {
  /** Length of the embedding. */
  embedding?: number;
  /** Every channel count times this, to the next multiple of 8. */
  width?: number;
}

/** Rows of the paper's table: expansion, channels, repeats, stride of the first. */
const BOTTLENECKS = [
  [2, 64, 5, 2],
  [4, 128, 1, 2],
  [2, 128, 6, 1],
  [4, 128, 1, 2],
  [2, 128, 2, 1],
] as const;

type Block = Layer<Images, Images>;
interface ConvOptions {
  kernel: number | readonly [number, number];
  stride?: number;
  padding?: number;
  groups?: number;
}

const linearBlock = (inputs: number, outputs: number, options: ConvOptions): Block =>
  module(
    {
      conv: conv2d(inputs, outputs, { ...options, init: kaimingNormal({ fan: "out" }) }),
      bn: batchNorm2d(outputs),
    },
    ({ conv, bn }, x: Images): Images => bn(conv(x)),
  );

const block = (inputs: number, outputs: number, options: ConvOptions): Block =>
  module(
    { linear: linearBlock(inputs, outputs, options), act: prelu(outputs) },
    ({ linear, act }, x: Images): Images => act(linear(x)),
  );

/** Expand, look around in each channel alone, project. */
const depthwise = (inputs: number, outputs: number, hidden: number, stride: number): Block =>
  module(
    {
      expand: block(inputs, hidden, { kernel: 1 }),
      depthwise: block(hidden, hidden, { kernel: 3, stride, padding: 1, groups: hidden }),
      project: linearBlock(hidden, outputs, { kernel: 1 }),
    },
    ({ expand, depthwise, project }, x: Images): Images => project(depthwise(expand(x))),
  );

/** MobileFaceNet: 1,200,512 parameters with embeddings of 512, 1,003,136 with 128, at width 1 and 112 x 112 pixels. */
export const mobileFaceNet = ({ embedding = 512, width = 1 }: MobileFaceNetOptions = {}): Net =>
  net(embedding, ([channels, height, imageWidth]) => {
    const scaled = (c: number) => Math.max(8, Math.round((c * width) / 8) * 8);
    const blocks: Block[] = [];
    let c = scaled(64);
    for (const [expansion, channels, repeats, stride] of BOTTLENECKS) {
      const outputs = scaled(channels);
      for (let i = 0; i < repeats; i++) {
        const body = depthwise(c, outputs, c * expansion, i === 0 ? stride : 1);
        blocks.push(i > 0 || (stride === 1 && c === outputs) ? residual(body) : body);
        c = outputs;
      }
    }
    const stem = scaled(64);
    const last = scaled(512);
    const left = (size: number) => [0, 1, 2, 3].reduce((s) => Math.ceil(s / 2), size);
    return module(
      {
        stem: block(channels, stem, { kernel: 3, stride: 2, padding: 1 }),
        depthwise: block(stem, stem, { kernel: 3, padding: 1, groups: stem }),
        blocks: stack(blocks),
        widen: block(c, last, { kernel: 1 }),
        gather: linearBlock(last, last, { kernel: [left(height), left(imageWidth)], groups: last }),
        project: conv2d(last, embedding, { kernel: 1, init: kaimingNormal({ fan: "out", gain: 1 }) }),
        flatten: flatten(),
        bn: batchNorm1d(embedding),
      },
      ({ stem, depthwise, blocks, widen, gather, project, flatten, bn }, x: Images) =>
        bn(flatten(project(gather(widen(blocks(depthwise(stem(x)))))))),
    );
  });
