/** @file `config.json` of a run: what it was begun with, its identity as it is now, and what changed on the way. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type BridgeError, bridgeError } from "../bridge/bridge-error.js";
import { writeWhole } from "./files.js";
import type { Difference, RunIdentity } from "./identity.js";

/** What a resume changed: from `step` on, said at `at`. */
export interface RecordedChange {
  readonly step: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly differences: readonly Difference[];
}

export interface RunConfig {
  readonly identity?: RunIdentity;
  readonly changes?: readonly RecordedChange[];
  readonly [field: string]: unknown;
}

export const unreadableConfig = (folder: string, problem: string): BridgeError =>
  bridgeError("run-config-unreadable", "user", { folder, problem });

/** The configuration of the run in a folder, `undefined` where there is none. Throws F2C6430 where it cannot be understood. */
export function readConfig(folder: string): RunConfig | undefined {
  const path = join(folder, "config.json");
  if (!existsSync(path)) return undefined;
  const unreadable = (problem: string): never => {
    throw unreadableConfig(folder, problem);
  };
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    return unreadable((error as Error).message);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config))
    return unreadable("it holds no record");
  return config as RunConfig;
}

export const writeConfig = (folder: string, config: RunConfig): void =>
  writeWhole(join(folder, "config.json"), `${JSON.stringify(config, undefined, 2)}\n`);

/** The configuration with what changed from `step` on, and the identity that the run has now: the next resume compares with that. */
export function recordChanges(
  config: RunConfig,
  step: number,
  differences: readonly Difference[],
  identity: RunIdentity,
  now = new Date(),
): RunConfig {
  if (differences.length === 0) return { ...config, identity };
  const change: RecordedChange = { step, at: now.toISOString(), differences };
  return { ...config, identity, changes: [...(config.changes ?? []), change] };
}
