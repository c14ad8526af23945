/** @file How often something happens in a run. */
import { experimentError } from "../core/errors.js";

/** How often: every so many epochs or steps. */
export interface Every {
  readonly unit: "epochs" | "steps";
  readonly count: number;
}
/** Every so many passes over the images; 0.5 is twice a pass. */
export const epochs = (count: number): Every => {
  if (!(count > 0 && Number.isFinite(count))) throw experimentError("no-interval.epochs", { count });
  return { unit: "epochs", count };
};
export const steps = (count: number): Every => {
  if (!(Number.isInteger(count) && count > 0)) throw experimentError("no-interval.steps", { count });
  return { unit: "steps", count };
};
