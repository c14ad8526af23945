/** @file Curves over a false accept or false identification rate: how far down they go, and which rates can be told. */
import type { Axis, Curve } from "./protocol.js";

/** Down to the decade of the lowest rate asked for, and at least to 1e-3, in decades. */
export function rateAxis(label: string, rates: readonly number[]): Axis {
  const asked = rates.filter((rate) => rate > 0 && rate < 1);
  return {
    label,
    scale: "log",
    from: 10 ** Math.floor(Math.log10(Math.min(1e-3, ...asked)) + 1e-9),
    to: 1,
  };
}

/** Of `count` things, rates finer than one of them cannot be told. `short` names the rate, `things` what is counted. */
export function untoldBelow(
  count: number,
  short: string,
  things: string,
  rates: readonly number[],
): NonNullable<Curve["untold"]> {
  const finer = [...new Set(rates)].filter((rate) => rate < (1 - 1e-9) / count).sort((a, b) => b - a);
  const which = finer.length > 0 ? `${short} ${finer.join(", ")}: ` : "";
  return { below: Math.min(1, 1 / Math.max(1, count)), says: `${which}too few ${things} (${count})` };
}

/**
 * How many of `count` things may be accepted at a rate, so that 0.1 of 10 is one of them, although 0.1 is no binary fraction. 0
 * where the rate is finer than one thing.
 */
export const allowedAt = (rate: number, count: number): number => Math.floor(rate * count + 1e-9);

/**
 * The bar above which at most `allowed` of the scores lie, the lowest that there is. What lies exactly on it is refused.
 * `falling`: the scores from the highest down.
 */
export const barFor = (falling: Float64Array, allowed: number): number =>
  allowed < falling.length ? falling[allowed]! : Number.NEGATIVE_INFINITY;
