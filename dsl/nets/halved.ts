/** @file How far a net makes images smaller. */

/** Height or width of what is left after four layers that halve it, rounding up. */
export const halvedFourTimes = (size: number): number => Math.ceil(size / 16);
