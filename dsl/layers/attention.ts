/** @file Attention, by which the tokens of a sample see each other. */
import { experimentError } from "../core/errors.js";
import type { Init } from "../core/initialisers.js";
import { type Layer, module } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import type { Tokens } from "../core/tensor.js";
import { linear } from "./layers.js";

export interface AttentionOptions {
  /** Whether queries, keys and values have a bias, or where it starts. */
  qkvBias?: boolean | Init;
  /** Whether what comes out has a bias, or where it starts. */
  bias?: boolean | Init;
  /** Where the weights start. */
  init?: Init;
}

/**
 * Self-attention of `heads` heads, each in C/heads of the `channels`: softmax(q k^T / sqrt(C/heads)) v over the tokens [N, T, C], then a
 * linear layer. `qkv` makes queries, keys and values in one product. Vaswani et al. 2017.
 */
export const attention = <const C extends number>(
  channels: C,
  heads: number,
  { qkvBias = true, bias = true, init }: AttentionOptions = {},
): Layer<Tokens<C>, Tokens<C>> => {
  if (!(Number.isInteger(heads) && heads > 0) || channels % heads !== 0)
    throw experimentError("groups-do-not-divide.heads", { channels, heads });
  const start = init && { init };
  return module(
    {
      qkv: linear(channels, 3 * channels, { bias: qkvBias, ...start }),
      proj: linear(channels, channels, { bias, ...start }),
    },
    ({ qkv, proj }, x: Tokens<C>) => {
      const [n, t] = x.shape;
      const parts = qkv(x)
        .reshape([n, t, 3, heads, channels / heads])
        .permute([2, 0, 3, 1, 4]);
      const [q, k, v] = [parts.select(0, 0), parts.select(0, 1), parts.select(0, 2)];
      const seen = ops.scaled_dot_product_attention(q, k, v).transpose(1, 2);
      return proj(seen.reshape([n, t, channels]) as Tokens<C>);
    },
  );
};
