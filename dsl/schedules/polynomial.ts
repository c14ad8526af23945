/** @file A value that falls as a power of what is left of the run. */
import { described } from "../core/description.js";
import type { Policy } from "../method/plan.js";
import { risen } from "./warm-up.js";

/** `base * (1 - step / steps)^power`. */
export const polynomial = ({
  base,
  power = 1,
  warmup = 0,
}: {
  base: number;
  power?: number;
  warmup?: number;
}): Policy =>
  described(
    risen(warmup, (at) => base * (1 - at.step / at.steps) ** power),
    { kind: "polynomial", base, power, warmup },
  );
