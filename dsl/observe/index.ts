/** @file The tools in which a run can be watched: a file each, and a row here. */
import type { Follower } from "./follower.js";
import { mlflow } from "./mlflow.js";
import { tensorboard } from "./tensorboard.js";
import { wandb } from "./wandb.js";

export type { Follower } from "./follower.js";
export { type MlflowOptions, mlflow } from "./mlflow.js";
export { tensorboard } from "./tensorboard.js";
export { type WandbOptions, wandb } from "./wandb.js";

/** By the name that a command line gives them; with the options that they have by default. */
export const FOLLOWERS: Readonly<Record<string, () => Follower>> = {
  tensorboard,
  wandb,
  mlflow,
};
