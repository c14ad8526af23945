/** @file How many a share of some is. */

/** Rounded up, but not for the error of a binary fraction: 0.07 of 100 is 7. */
export const shareOf = (share: number, count: number): number => Math.max(0, Math.ceil(share * count - 1e-9));
