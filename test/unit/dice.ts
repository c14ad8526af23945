/** @file Generators for the tests' own choices, unrelated to those under test: Park and Miller's. */

const STATES = 2147483647;

/** Whole numbers from 0 to below n. */
export function dice(seed: number): (n: number) => number {
  const next = states(seed);
  return (n) => next() % n;
}

/** Numbers between 0 and 1. */
export function fractions(seed: number): () => number {
  const next = states(seed);
  return () => next() / STATES;
}

function states(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % STATES;
    return state;
  };
}
