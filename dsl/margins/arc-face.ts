/** @file ArcFace: a margin added to the angle. */
import { OF_ANGLES } from "../core/range.js";
import { turned, turnedOn } from "./angles.js";
import { type Margin, type MarginNumber, margin, numberInRange } from "./margin.js";

/**
 * ArcFace: cos(t + m), t being the angle to the own class. Deng et al. 2019.
 *
 * `beyond` says what happens where t + m > pi and the cosine would rise again: `linear` continues with
 * cos t - m sin m, `none` leaves the formula as it is (the F2C code). The gradient is the exact derivative.
 */
export const arcFace = ({
  scale = 32,
  margin: m = 0.5,
  beyond = "linear",
}: {
  scale?: MarginNumber;
  margin?: MarginNumber;
  beyond?: "linear" | "none";
} = {}): Margin => {
  numberInRange("arcFace", "margin", m, OF_ANGLES);
  return margin(
    {
      numbers: { scale, margin: m },
      apply: ({ cosine }, numbers) =>
        beyond === "none"
          ? turned(cosine, Math.cos(numbers.margin), Math.sin(numbers.margin))
          : turnedOn(cosine, numbers.margin),
    },
    { kind: "arcFace", beyond },
  );
};
