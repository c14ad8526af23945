/** @file What samplers ask of their options and of the data. */
import { experimentError } from "../core/errors.js";

export function wholeNumber(sampler: string, option: string, value: number, low: number): void {
  if (!Number.isInteger(value) || value < low)
    throw experimentError("bad-loader", {
      part: sampler,
      option,
      value,
      wanted: `a whole number of ${option}, from ${low} up`,
    });
}

export function enoughIdentities(sampler: string, wanted: number, available: number): void {
  if (available < wanted)
    throw experimentError("too-few-identities-for-loader", { sampler, asked: wanted, found: available });
}
