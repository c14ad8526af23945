/**
 * @file ViT, the vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929), as arcface_torch has it: small patches, no class token, and a
 * head over all tokens. In training some tokens of each image are left out of the blocks, and stand in the head as a token that is learnt.
 * Layer by layer, and with the names that its state dict has, but for BatchNorm's running statistics (`mean`, `variance`).
 */
import { inF32, training } from "../core/compiled.js";
import { normal, zeros } from "../core/initialisers.js";
import { type Layer, module, parameter } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import { BELOW_ONE, inRange, WHOLE } from "../core/range.js";
import type { Features, Images, Tensor, Tokens } from "../core/tensor.js";
import { relu6 } from "../layers/activations.js";
import { attention } from "../layers/attention.js";
import { checkpointed as again, sequential } from "../layers/compose.js";
import { dropPath as dropped } from "../layers/drop.js";
import { batchNorm1d, conv2d, layerNorm, linear } from "../layers/layers.js";
import { type Net, net } from "../method/net.js";

const SIZES = {
  tiny: { width: 256, depth: 12 },
  small: { width: 512, depth: 12 },
  base: { width: 512, depth: 24 },
  large: { width: 768, depth: 24 },
} as const;

export interface ViTSize {
  /** Features of a token. */
  width: number;
  /** Blocks. */
  depth: number;
}

export interface ViTOptions {
  /** Length of the embedding. */
  embedding?: number;
  /** Side of a patch, in pixels. What does not fill one, at the right and below, is not seen. */
  patch?: number;
  heads?: number;
  /** The share of its tokens that the blocks do not see of an image, in training: drawn on the device, for each image anew. */
  mask?: number;
  /** With which probability the last block does nothing to an image, in training; the first always does, and it rises evenly. */
  dropPath?: number;
  /** Whether blocks are computed again for the gradient instead of kept. `base` and `large` are, unless it is said. */
  checkpointed?: boolean;
}

const init = normal(0.02);
const bias = zeros();

const mlp = (width: number): Layer<Tokens, Tokens> =>
  module(
    {
      fc1: linear(width, 4 * width, { bias, init }),
      act: relu6(),
      fc2: linear(4 * width, width, { bias, init }),
    },
    ({ fc1, act, fc2 }, x: Tokens): Tokens => fc2(act(fc1(x))),
  );

const block = (width: number, heads: number, p: number): Layer<Tokens, Tokens> =>
  module(
    {
      norm1: layerNorm(width),
      attn: attention(width, heads, { qkvBias: false, bias, init }),
      norm2: layerNorm(width),
      mlp: mlp(width),
      drop: dropped(p),
    },
    ({ norm1, attn, norm2, mlp, drop }, x: Tokens): Tokens => {
      const y = x.add(drop(attn(norm1(x))));
      return y.add(drop(mlp(norm2(y))));
    },
  );

/** An index of tokens [N, T] as one of their features [N, T, C]. */
const ofFeatures = (index: Tensor<readonly [number, number], "i64">, width: number) =>
  index.unsqueeze(2).expand([-1, -1, width]);

/**
 * ViT: 19,137,792, 76,023,296, 113,833,472 and 255,684,352 parameters as `tiny`, `small`, `base` and `large`, with embeddings of 512 and 112 x 112
 * pixels; or of a size of one's own. Its head is in f32 under any `precision`, as there.
 */
export const vit = (
  size: keyof typeof SIZES | ViTSize,
  { embedding = 512, patch = 9, heads = 8, mask = 0.1, dropPath = 0.1, checkpointed }: ViTOptions = {},
): Net => {
  inRange("vit", "patch", patch, WHOLE);
  inRange("vit", "mask", mask, BELOW_ONE);
  const { width, depth } = typeof size === "string" ? SIZES[size] : size;
  const isCheckpointed = checkpointed ?? (size === "base" || size === "large");
  return net(embedding, ([channels, height, imageWidth]) => {
    const tokens = Math.floor(height / patch) * Math.floor(imageWidth / patch);
    const seen = Math.floor(tokens * (1 - mask));
    const chance = (i: number) => (depth === 1 ? 0 : (dropPath * i) / (depth - 1));
    return module(
      {
        patch_embed: { proj: conv2d(channels, width, { kernel: patch, stride: patch, bias: true }) },
        pos_embed: parameter([1, tokens, width], init),
        blocks: Array.from({ length: depth }, (_, i): Layer<Tokens, Tokens> => {
          const made = block(width, heads, chance(i));
          return isCheckpointed ? again(made) : made;
        }),
        norm: layerNorm(width),
        feature: sequential(
          linear(tokens * width, width, { bias: false, init }),
          batchNorm1d(width, { eps: 2e-5 }),
          linear(width, embedding, { bias: false, init }),
          batchNorm1d(embedding, { eps: 2e-5 }),
        ),
        mask_token: parameter([1, 1, width], init),
      },
      ({ patch_embed, pos_embed, blocks, norm, feature, mask_token }, x: Images): Features => {
        const n = x.shape[0];
        const patches = patch_embed.proj(x).reshape([n, width, tokens]).transpose(1, 2).add(pos_embed);
        const encoded = (chosen: Tokens): Tokens => {
          let y = chosen;
          for (const block of blocks) y = block(y);
          return norm(y);
        };
        let y: Tokens;
        if (training() && seen < tokens) {
          // Each image's tokens in an order of its own: the first are seen, and all go back to where they were.
          const order = ops.rand([n, tokens]).argsort(1);
          const kept = encoded(patches.gather(ofFeatures(order.slice(1, 0, seen), width), 1));
          const hidden = mask_token.expand([n, tokens - seen, width]);
          y = ops.cat([kept, hidden], 1).gather(ofFeatures(order.argsort(1), width), 1);
        } else {
          y = encoded(patches);
        }
        return inF32(() => feature(ops.flatten(y))) as Features;
      },
    );
  });
};
