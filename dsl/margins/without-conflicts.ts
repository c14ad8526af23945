/** @file The filter of classes that are probably the same person. */
import { descriptionOf } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import * as ops from "../core/ops.generated.js";
import { type Margin, type MarginNumber, margin } from "./margin.js";

/**
 * Any margin without rule for negatives, and a negative whose cosine is above `above` gets the logit 0, since in dirty data it
 * is probably the same person under another name: Partial FC's inter-class filter. An et al. 2022.
 */
export const withoutConflicts = (inner: Margin, { above = 0.4 }: { above?: MarginNumber } = {}): Margin => {
  const { parts } = inner;
  if (parts.hard)
    throw experimentError("margin-has-rule", { kind: descriptionOf(inner)?.kind ?? "the margin" });
  return margin(
    {
      ...parts,
      numbers: { ...parts.numbers, conflict: above },
      hard: ({ cosine }, numbers) => ({
        above: ops.full_like(cosine, 0).add(numbers.conflict!),
        square: 0,
        slope: 0,
        offset: 0,
      }),
    },
    { kind: "withoutConflicts", of: descriptionOf(inner) },
  );
};
