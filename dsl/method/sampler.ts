/** @file A sampler: which images each step gets, in which streams. */
import type { Described } from "../core/description.js";
import type { PlannedBatch } from "./plan.js";

/** A sampler opened on a data source. */
export interface OpenSampler {
  readonly stepsPerEpoch: number;
  /** The images of a step, by stream. A pure function of the seed and the step, so that any step can be planned alone. */
  sample(step: number): PlannedBatch;
}

/** Which images each step gets. `dual`, `instances`, `identities` and `balanced` are some; yours is an object of this form. */
export interface Sampler extends Described {
  /** Images a step, by stream. */
  readonly streams: Readonly<Record<string, number>>;
  /**
   * `offsets`: first image of each identity, and the number of images at the end. Throws an ExperimentError where the data
   * are too few.
   */
  sampler(offsets: Int32Array, seed: number): OpenSampler;
}
