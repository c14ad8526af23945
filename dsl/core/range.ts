/** @file Numbers of options that have a range. */
import { experimentError } from "./errors.js";

/** A range of numbers, in words and as a test. */
export interface Range {
  readonly wanted: string;
  readonly holds: (value: number) => boolean;
}

export const ABOVE_ZERO: Range = {
  wanted: "a number above 0",
  holds: (x) => x > 0 && x < Number.POSITIVE_INFINITY,
};
export const WHOLE: Range = {
  wanted: "a whole number from 1 up",
  holds: (x) => Number.isInteger(x) && x >= 1,
};
export const FROM_ZERO: Range = {
  wanted: "a number from 0 up",
  holds: (x) => x >= 0 && x < Number.POSITIVE_INFINITY,
};
export const BELOW_ONE: Range = { wanted: "a number from 0 to below 1", holds: (x) => x >= 0 && x < 1 };
export const SHARE: Range = { wanted: "a number from 0 to 1", holds: (x) => x >= 0 && x <= 1 };
/** Two cosines differ by 2 at most. */
export const OF_COSINES: Range = { wanted: "a number from 0 to below 2", holds: (x) => x >= 0 && x < 2 };
/** An angle between two directions, in radians. */
export const OF_ANGLES: Range = {
  wanted: "an angle from 0 to below pi",
  holds: (x) => x >= 0 && x < Math.PI,
};

/** Throws F2C2113 where the option's value lies outside its range. */
export function inRange(what: string, option: string, value: number, { wanted, holds }: Range): void {
  if (!holds(value)) throw experimentError("number-out-of-range", { function: what, option, value, wanted });
}
