/** @file A value that falls along half a cosine. */
import { described } from "../core/description.js";
import type { Policy } from "../method/plan.js";
import { risen } from "./warm-up.js";

/** From `base` to `end` along half a cosine. Loshchilov and Hutter 2017. */
export const cosine = ({
  base,
  end = 0,
  warmup = 0,
}: {
  base: number;
  end?: number;
  warmup?: number;
}): Policy =>
  described(
    risen(warmup, (at) => end + ((base - end) * (1 + Math.cos((Math.PI * at.step) / at.steps))) / 2),
    { kind: "cosine", base, end, warmup },
  );
