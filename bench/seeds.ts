/** @file A figure over several seeds: its mean, with the interval of 95 %, and what a run verified. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Summary } from "../runtime/run/summary.js";

/** Of Student's t with as many degrees of freedom, for intervals of 95 %. */
const T95 = [Number.NaN, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

export const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;

/** The half width of the interval of 95 % of a mean. */
export function halfWidth(xs: readonly number[]): number {
  const m = mean(xs);
  const deviation = Math.sqrt(xs.reduce((sum, x) => sum + (x - m) ** 2, 0) / (xs.length - 1));
  return (T95[xs.length - 1]! * deviation) / Math.sqrt(xs.length);
}

/** In per cent: `87.12 % ± 1.30 %`. */
export const shares = (xs: readonly number[]): string =>
  `${(100 * mean(xs)).toFixed(2)} % ± ${(100 * halfWidth(xs)).toFixed(2)} %`;

/** The share of pairs of unseen people that the trained net of a run's folder tells right. */
export function verified(run: string): number {
  const { results } = JSON.parse(readFileSync(join(run, "summary.json"), "utf8")) as Summary;
  return results.verification!.trained!.numbers.accuracy!.value!;
}
