/** @file The same value at every step, and a number where a policy is wanted. */
import { described } from "../core/description.js";
import type { Policy } from "../method/plan.js";

/** The same value at every step. */
export const always = (value: number): Policy => described(() => value, { kind: "always", value });

/** A policy as it is; a number as the policy that always gives it. */
export const policyOf = (given: Policy | number): Policy =>
  typeof given === "function" ? given : always(given);
