/** @file What the options of augmentations may be. */
import { experimentError } from "../core/errors.js";

/** Throws F2C2208 unless `value` holds what is wanted. */
export function wantedOf(name: string, option: string, value: number, holds: boolean, wanted: string): void {
  if (!holds) throw experimentError("bad-loader", { part: name, option, value, wanted });
}

export const aProbability = (name: string, value: number): void =>
  wantedOf(name, "probability", value, value >= 0 && value <= 1, "a probability from 0 to 1");
