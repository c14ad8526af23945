/** @file How a benchmark prints: a figure, and the peer or the floor of the same run beside it. */

export const median = (xs: readonly number[]): number =>
  [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!;

export const row = (what: string, figure: string, beside: string): void =>
  console.log(`${what.padEnd(56)} ${figure.padStart(10)}   ${beside}`);
