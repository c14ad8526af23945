/** @file Policies: functions of the step that Node calls as it plans. Write your own as a plain function. */
import { type Description, described, descriptionOf } from "./description.js";
import { experimentError } from "./errors.js";
import type { Policy, StepPoint } from "./method.js";

/** The epoch with its fraction: 2.5 is the middle of the third. */
export const epochOf = (at: StepPoint): number => at.step / at.stepsPerEpoch;

/** What a policy of the library is: its factory and the options that it was given. */
export type PolicyDescription = Description;

/** The same value at every step. */
export const always = (value: number): Policy => described(() => value, { kind: "always", value });

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

const risen =
  (epochs: number, policy: Policy): Policy =>
  (at) =>
    epochs <= 0 ? policy(at) : policy(at) * Math.min(1, (at.step + 1) / (epochs * at.stepsPerEpoch));

/** Rises linearly over the first `epochs` epochs, then is `policy`. */
export const warmed = (epochs: number, policy: Policy): Policy =>
  described(risen(epochs, policy), { kind: "warmed", warmup: epochs, policy: descriptionOf(policy) });
