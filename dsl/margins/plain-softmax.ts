/** @file No margin. */
import { type Margin, type MarginNumber, margin } from "./margin.js";

/** No margin: the normalised softmax. */
export const plainSoftmax = ({ scale = 32 }: { scale?: MarginNumber } = {}): Margin =>
  margin({ numbers: { scale }, apply: ({ cosine }) => cosine }, { kind: "plainSoftmax" });
