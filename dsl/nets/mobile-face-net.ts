/**
 * @file MobileFaceNet. Chen et al. 2018, arXiv 1804.07573. Layer by layer it is the net of F2C's code; it starts as that one does
 * with `init: "pytorch"`.
 */

import { type Init, kaimingNormal, kaimingUniform } from "../core/initialisers.js";
import { type Layer, module } from "../core/module.js";
import type { Images } from "../core/tensor.js";
import { residual, stack } from "../layers/compose.js";
import { batchNorm1d, batchNorm2d, conv2d, flatten, prelu } from "../layers/layers.js";
import { type Net, net } from "../method/net.js";
import { halvedFourTimes } from "./halved.js";

export interface MobileFaceNetOptions {
  /** Length of the embedding. */
  embedding?: number;
  /** Every channel count times this, to the next multiple of 8. */
  width?: number;
  /**
   * What the weights of the convolutions start as. `he`: normal with deviation gain / sqrt(fan-out) (He et al. 2015), gain
   * sqrt(2), that of the last one 1. `pytorch`: uniform within 1 / sqrt(fan-in), the default of PyTorch's convolutions and
   * so that of F2C's code. All else starts the same: slopes of 0.25, normalisations with scale 1 and shift 0.
   */
  init?: "he" | "pytorch";
}

type Initialisation = NonNullable<MobileFaceNetOptions["init"]>;

/** The start of a convolution's weight. `gain` is He's. */
const startOf = (init: Initialisation, gain = Math.SQRT2): Init =>
  init === "he" ? kaimingNormal({ fan: "out", gain }) : kaimingUniform();

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
  init: Initialisation;
  kernel: number | readonly [number, number];
  stride?: number;
  padding?: number;
  groups?: number;
}

const linearBlock = (inputs: number, outputs: number, { init, ...options }: ConvOptions): Block =>
  module(
    {
      conv: conv2d(inputs, outputs, { ...options, init: startOf(init) }),
      bn: batchNorm2d(outputs),
    },
    ({ conv, bn }, x: Images): Images => bn(conv(x)),
  );

const block = (inputs: number, outputs: number, options: ConvOptions): Block =>
  module(
    { linear: linearBlock(inputs, outputs, options), act: prelu(outputs) },
    ({ linear, act }, x: Images): Images => act(linear(x)),
  );

/** Expand, convolve depthwise, project: an inverted residual block. */
const depthwise = (
  inputs: number,
  outputs: number,
  hidden: number,
  stride: number,
  init: Initialisation,
): Block =>
  module(
    {
      expand: block(inputs, hidden, { init, kernel: 1 }),
      depthwise: block(hidden, hidden, { init, kernel: 3, stride, padding: 1, groups: hidden }),
      project: linearBlock(hidden, outputs, { init, kernel: 1 }),
    },
    ({ expand, depthwise, project }, x: Images): Images => project(depthwise(expand(x))),
  );

/** MobileFaceNet: 1,200,512 parameters with embeddings of 512, 1,003,136 with 128, at width 1 and 112 x 112 pixels. */
export const mobileFaceNet = ({ embedding = 512, width = 1, init = "he" }: MobileFaceNetOptions = {}): Net =>
  net(embedding, ([channels, height, imageWidth]) => {
    const scaled = (c: number) => Math.max(8, Math.round((c * width) / 8) * 8);
    const blocks: Block[] = [];
    let c = scaled(64);
    for (const [expansion, channels, repeats, stride] of BOTTLENECKS) {
      const outputs = scaled(channels);
      for (let i = 0; i < repeats; i++) {
        const body = depthwise(c, outputs, c * expansion, i === 0 ? stride : 1, init);
        blocks.push(i > 0 || (stride === 1 && c === outputs) ? residual(body) : body);
        c = outputs;
      }
    }
    const stem = scaled(64);
    const last = scaled(512);
    return module(
      {
        stem: block(channels, stem, { init, kernel: 3, stride: 2, padding: 1 }),
        depthwise: block(stem, stem, { init, kernel: 3, padding: 1, groups: stem }),
        blocks: stack(blocks),
        widen: block(c, last, { init, kernel: 1 }),
        gather: linearBlock(last, last, {
          init,
          kernel: [halvedFourTimes(height), halvedFourTimes(imageWidth)],
          groups: last,
        }),
        project: conv2d(last, embedding, { kernel: 1, init: startOf(init, 1) }),
        flatten: flatten(),
        bn: batchNorm1d(embedding),
      },
      ({ stem, depthwise, blocks, widen, gather, project, flatten, bn }, x: Images) =>
        bn(flatten(project(gather(widen(blocks(depthwise(stem(x)))))))),
    );
  });
