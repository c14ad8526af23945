/** @file The normalised softmax. */
import { described } from "../core/description.js";
import { type Margin, margin } from "./margin.js";

/** No margin: the normalised softmax. */
export const plainSoftmax = ({ scale = 32 }: { scale?: number } = {}): Margin =>
  described(
    margin(scale, (cosine, own) => ({ cosine, own })),
    { kind: "plainSoftmax", scale },
  );
