/** @file Weights & Biases. */
import type { Follower } from "./follower.js";

export interface WandbOptions {
  /** By default the experiment's name. */
  project?: string;
  /** Who the project belongs to: a user or a team. */
  entity?: string;
  /** Of the run; by default the name of its folder. */
  name?: string;
  group?: string;
  tags?: readonly string[];
  /** `offline` writes into `follow/wandb/` in the run's folder, for `wandb sync`. By default as WANDB_MODE says. */
  mode?: "online" | "offline";
}

/** A run on W&B, which is the same one when ours is resumed. Log in with `wandb login`, or take `mode: "offline"`. */
export const wandb = (options: WandbOptions = {}): Follower => ({ tool: "wandb", options: { ...options } });
