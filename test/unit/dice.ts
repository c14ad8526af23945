/** @file A generator for the tests' own choices, unrelated to those under test: Park and Miller's. */

/** Whole numbers from 0 to below n. */
export function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state * 48271) % 2147483647;
    return state % n;
  };
}
