/** @file How a stored tensor starts. The host draws it, each tensor from a generator of its own. */

export type Init =
  | { readonly kind: "zeros" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly mean: number; readonly std: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "kaiming_normal" | "kaiming_uniform"; readonly fan: "in" | "out"; readonly gain: number }
  | { readonly kind: "xavier_uniform"; readonly gain: number }
  | { readonly kind: "unit_rows"; readonly distribution: "normal" | "uniform" }
  /** A tensor of weights that somebody left (`weights`); where these lack it, as it would start without them. */
  | { readonly kind: "weights"; readonly source: object; readonly tensor: string; readonly otherwise: Init };

export const zeros = (): Init => ({ kind: "zeros" });
export const ones = (): Init => ({ kind: "constant", value: 1 });
export const constant = (value: number): Init => ({ kind: "constant", value });
/** Draws from N(mean, std^2). */
export const normal = (std: number, mean = 0): Init => ({ kind: "normal", mean, std });
/** Draws uniformly from [low, high). */
export const uniform = (low: number, high: number): Init => ({ kind: "uniform", low, high });
/** N(0, gain^2 / fan). He et al. 2015; gain sqrt(2) suits ReLU. */
export const kaimingNormal = (options: { fan?: "in" | "out"; gain?: number } = {}): Init => ({
  kind: "kaiming_normal",
  fan: options.fan ?? "in",
  gain: options.gain ?? Math.SQRT2,
});
/** U(-b, b) with b = gain * sqrt(3 / fan). The default gain, sqrt(1/3), is PyTorch's own for convolutions and linear layers. */
export const kaimingUniform = (options: { fan?: "in" | "out"; gain?: number } = {}): Init => ({
  kind: "kaiming_uniform",
  fan: options.fan ?? "in",
  gain: options.gain ?? Math.sqrt(1 / 3),
});
/** U(-b, b) with b = gain * sqrt(6 / (fan in + fan out)). Glorot and Bengio 2010. */
export const xavierUniform = (gain = 1): Init => ({ kind: "xavier_uniform", gain });
/** Random rows of length 1. `normal` spreads them over the sphere; `uniform` keeps them in the positive orthant, as the F2C code does. */
export const unitRows = (distribution: "normal" | "uniform" = "normal"): Init => ({
  kind: "unit_rows",
  distribution,
});
