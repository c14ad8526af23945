/** @file CurricularFace: hard negatives count for more the further training has come. */
import { zeros } from "../core/initialisers.js";
import { state } from "../core/module.js";
import { BELOW_ONE, OF_ANGLES } from "../core/range.js";
import { turned, turnedOn } from "./angles.js";
import { type Margin, type MarginNumber, margin, numberInRange } from "./margin.js";
import { meanOf } from "./statistics.js";

/**
 * CurricularFace: ArcFace's margin, and a negative whose cosine c exceeds cos(t + m) becomes c (u + c). u, 0 at first, is the
 * moving mean of the cosines to the own classes, moved before it is used. Huang et al. 2020.
 */
export const curricularFace = ({
  scale = 64,
  margin: m = 0.5,
  momentum = 0.99,
}: {
  scale?: MarginNumber;
  margin?: MarginNumber;
  /** How much of itself u keeps each step. */
  momentum?: MarginNumber;
} = {}): Margin => {
  numberInRange("curricularFace", "margin", m, OF_ANGLES);
  numberInRange("curricularFace", "momentum", momentum, BELOW_ONE);
  return margin(
    {
      numbers: { scale, margin: m, momentum },
      state: { progress: state([], zeros()) },
      observe: (own, numbers, { progress }) =>
        progress.lerp_(meanOf(own.cosine.detach(), own.hasClass, progress), 1 - numbers.momentum),
      apply: ({ cosine }, numbers) => turnedOn(cosine, numbers.margin),
      hard: ({ cosine }, numbers, { progress }) => ({
        above: turned(cosine, Math.cos(numbers.margin), Math.sin(numbers.margin)),
        square: 1,
        slope: progress,
        offset: 0,
      }),
    },
    { kind: "curricularFace" },
  );
};
