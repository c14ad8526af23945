/**
 * @file Inputs of a step that draws random numbers: what these are a function of, beside the place of each op. A step is one of the
 * plan's, so those that make an update together draw each its own.
 */
export const RANDOM_SEED = "random.seed";
export const RANDOM_STEP = "random.step";

/** The numbers of a step of the plan. */
export const randomNumbers = (seed: number, step: number): Readonly<Record<string, number>> => ({
  [RANDOM_SEED]: seed,
  [RANDOM_STEP]: step,
});
