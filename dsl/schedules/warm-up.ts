/** @file The rise at the start of a run. */
import { described, descriptionOf } from "../core/description.js";
import type { Policy } from "../method/plan.js";

/** `policy`, times what has risen linearly from 0 to 1 over the first `epochs` epochs. */
export const risen =
  (epochs: number, policy: Policy): Policy =>
  (at) =>
    epochs <= 0 ? policy(at) : policy(at) * Math.min(1, (at.step + 1) / (epochs * at.stepsPerEpoch));

/** Rises linearly over the first `epochs` epochs, then is `policy`. */
export const warmed = (epochs: number, policy: Policy): Policy =>
  described(risen(epochs, policy), { kind: "warmed", warmup: epochs, policy: descriptionOf(policy) });
