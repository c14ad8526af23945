/** @file The same value at every step. */
import { described } from "../core/description.js";
import type { Policy } from "../method/plan.js";

/** The same value at every step. */
export const always = (value: number): Policy => described(() => value, { kind: "always", value });
