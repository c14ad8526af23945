/** @file TensorBoard. */
import type { Follower } from "./follower.js";

/** Writes event files into `tensorboard/` in the run's folder: `tensorboard --logdir runs` shows all runs side by side. */
export const tensorboard = (): Follower => ({ tool: "tensorboard", options: {} });
