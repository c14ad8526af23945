/** @file The version of what a seed draws: a resumed run must go on with the draws that it began with. */

/**
 * Raised with every change to what a seed draws, be it a step's images or the pairs of an evaluation.
 *
 * 1: an identity's images lay on a walk of equal strides, which reached few pairs; genuine pairs were drawn from a list of all,
 *    impostor pairs image by image.
 * 2: every ordered choice of an identity's images is equally likely; genuine pairs are shared out evenly among the
 *    people, impostor pairs are drawn by number.
 */
export const SAMPLER_VERSION = 2;
