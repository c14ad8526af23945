/** @file A value that falls at given epochs. */
import { described } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import type { Policy } from "../method/plan.js";
import { epochOf } from "./epoch.js";
import { risen } from "./warm-up.js";

/** `base`, times `factor` from each of `epochs` on. */
export const multistep = ({
  base,
  epochs,
  factor = 0.1,
  warmup = 0,
}: {
  base: number;
  epochs: readonly number[];
  factor?: number;
  warmup?: number;
}): Policy => {
  if (epochs.some((e, i) => i > 0 && e <= epochs[i - 1]!))
    throw experimentError("bad-schedule", {
      epochs: epochs.join(", "),
      sorted: [...new Set(epochs)].sort((a, b) => a - b).join(", "),
    });
  return described(
    risen(warmup, (at) => base * factor ** epochs.filter((e) => epochOf(at) >= e).length),
    { kind: "multistep", base, epochs: [...epochs], factor, warmup },
  );
};
