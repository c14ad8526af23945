/** @file What is measured, and when. */
import { experimentError } from "./errors.js";

/** How often: every so many epochs or steps. */
export interface Every {
  readonly unit: "epochs" | "steps";
  readonly count: number;
}
/** Every so many passes over the images; 0.5 is twice a pass. */
export const epochs = (count: number): Every => {
  if (!(count > 0 && Number.isFinite(count))) throw experimentError("no-interval.epochs", { count });
  return { unit: "epochs", count };
};
export const steps = (count: number): Every => {
  if (!(Number.isInteger(count) && count > 0)) throw experimentError("no-interval.steps", { count });
  return { unit: "steps", count };
};

export interface VerificationOptions {
  /**
   * Pairs of held-out people: how many of the same person and how many of different ones. By default all of the same person,
   * at most 3,000, and as many of different ones. The accuracy uses equally many pairs of both kinds; more impostor pairs
   * allow true accept rates at lower false accept rates.
   */
  pairs?: "held-out" | { genuine: number; impostor: number };
  every?: Every;
  /** False accept rates at which the true accept rate is reported. */
  far?: readonly number[];
  /** Embeddings are those of the image plus those of its mirror image. */
  flip?: boolean;
  /** Also measure the untrained net and raw pixels on the same pairs. */
  baselines?: boolean;
}

/** Verification on people that training never saw. */
export interface Verification {
  readonly genuine: number;
  readonly impostor: number;
  readonly every: Every | undefined;
  readonly far: readonly number[];
  readonly flip: boolean;
  readonly baselines: boolean;
}

/** Same person or not, on pairs of held-out people: 10-fold accuracy of balanced pairs, TAR at FAR and ROC of all pairs. */
export const verification = ({
  pairs = "held-out",
  every,
  far = [1e-1, 1e-2, 1e-3],
  flip = true,
  baselines = true,
}: VerificationOptions = {}): Verification => {
  const { genuine, impostor } = pairs === "held-out" ? { genuine: 0, impostor: 0 } : pairs;
  for (const [kind, count] of Object.entries({ genuine, impostor }))
    if (!Number.isInteger(count) || count < 0)
      throw experimentError("bad-verification.pairs", { kind, count });
  const odd = far.find((rate) => !(rate > 0 && rate <= 1));
  if (odd !== undefined) throw experimentError("bad-verification.rate", { rate: odd });
  return { genuine, impostor, every, far, flip, baselines };
};
