/** @file MLflow. */
import type { Follower } from "./follower.js";

export interface MlflowOptions {
  /** MLflow's experiment, a group of runs; by default the name of ours. */
  experiment?: string;
  /** A tracking server (`http://…`), a database (`sqlite:///…`), or a folder. By default MLFLOW_TRACKING_URI, or the folder `mlruns`. */
  uri?: string;
  /** Of the run; by default the name of its folder. */
  name?: string;
  tags?: Readonly<Record<string, string>>;
}

/** A run in MLflow, which is the same one when ours is resumed. */
export const mlflow = (options: MlflowOptions = {}): Follower => ({
  tool: "mlflow",
  options: { ...options },
});
