/**
 * @file The MobileFaceNet of arcface_torch, wider than the paper's (Chen et al. 2018, arXiv 1804.07573; `mobileFaceNet`): layer by
 * layer, and with the names that its state dict has, but for BatchNorm's running statistics (`mean`, `variance`) and the slopes of PReLU.
 */
import { inF32 } from "../core/compiled.js";
import { kaimingNormal } from "../core/initialisers.js";
import { type Layer, module } from "../core/module.js";
import type { Features, Images } from "../core/tensor.js";
import { sequential, stack } from "../layers/compose.js";
import {
  batchNorm1d,
  batchNorm2d,
  type Conv2dOptions,
  conv2d,
  flatten,
  linear,
  prelu,
} from "../layers/layers.js";
import { type Net, net } from "../method/net.js";
import { halvedFourTimes } from "./halved.js";

export interface MbfOptions {
  /** Length of the embedding. */
  embedding?: number;
  /** Twice as many channels, and 26 residual blocks instead of 12. */
  large?: boolean;
}

type Block = Layer<Images, Images>;

const start = kaimingNormal({ fan: "out" });
const normalised = (inputs: number, outputs: number, options: Conv2dOptions) =>
  [conv2d(inputs, outputs, { ...options, init: start }), batchNorm2d(outputs)] as const;

/** Everything there lies in a part called `layers`. */
const within = (layers: Block): Block => module({ layers }, ({ layers }, x: Images): Images => layers(x));

const linearBlock = (inputs: number, outputs: number, options: Conv2dOptions): Block =>
  within(stack<readonly Block[]>(normalised(inputs, outputs, options)));

const block = (inputs: number, outputs: number, options: Conv2dOptions): Block =>
  within(stack<readonly Block[]>([...normalised(inputs, outputs, options), prelu(outputs)]));

/** Expand to `hidden` channels, convolve depthwise, project. */
const bottleneck = (inputs: number, outputs: number, hidden: number, stride: number): Block =>
  stack([
    block(inputs, hidden, { kernel: 1 }),
    block(hidden, hidden, { kernel: 3, stride, padding: 1, groups: hidden }),
    linearBlock(hidden, outputs, { kernel: 1 }),
  ]);

/** `count` bottlenecks with the sum around each. */
const residuals = (channels: number, hidden: number, count: number): Block =>
  within(
    stack(
      Array.from({ length: count }, () =>
        module(
          { layers: bottleneck(channels, channels, hidden, 1) },
          ({ layers }, x: Images): Images => x.add(layers(x)),
        ),
      ),
    ),
  );

/**
 * arcface_torch's `mbf`, 2,059,520 parameters, and `mbf_large`, 6,314,880, with embeddings of 512 and 112 x 112 pixels. Its last block
 * is in f32 under any `precision`, as there.
 */
export const mbf = ({ embedding = 512, large = false }: MbfOptions = {}): Net =>
  net(embedding, ([channels, height, width]) => {
    const [narrow, wide] = large ? [256, 512] : [128, 256];
    const layers: Block[] = [
      block(channels, narrow, { kernel: 3, stride: 2, padding: 1 }),
      large ? residuals(narrow, 128, 2) : block(narrow, narrow, { kernel: 3, padding: 1, groups: 64 }),
      within(bottleneck(narrow, narrow, 128, 2)),
      residuals(narrow, 128, large ? 8 : 4),
      within(bottleneck(narrow, wide, 256, 2)),
      residuals(wide, 256, large ? 12 : 6),
      within(bottleneck(wide, wide, 512, 2)),
      residuals(wide, 256, large ? 4 : 2),
    ];
    return module(
      {
        layers: stack(layers),
        conv_sep: block(wide, 512, { kernel: 1 }),
        features: module(
          {
            layers: sequential(
              linearBlock(512, 512, {
                kernel: [halvedFourTimes(height), halvedFourTimes(width)],
                groups: 512,
              }),
              flatten(),
              linear(512, embedding, { bias: false, init: start }),
              batchNorm1d(embedding),
            ),
          },
          ({ layers }, x: Images): Features => layers(x),
        ),
      },
      ({ layers, conv_sep, features }, x: Images) => {
        const last = layers(x);
        return inF32(() => features(conv_sep(last))) as Features;
      },
    );
  });
