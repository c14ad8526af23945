/** @file The epoch of a step. */
import type { StepPoint } from "../method/plan.js";

/** The epoch with its fraction: 2.5 is the middle of the third. */
export const epochOf = (at: StepPoint): number => at.step / at.stepsPerEpoch;
