/** @file Under which circumstances a run is executed, beside its program: the machine, the environment, the version of the experiment's sources. No secrets. */
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { packageVersion } from "./versions.js";

/** Which sources were executed, where the experiment lies in a git repository. */
export interface Revision {
  readonly commit: string;
  /** Whether files of the repository differ from the commit. */
  readonly dirty: boolean;
}

/** What was true when a run was begun, or continued. */
export interface Circumstances {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The step at which a resumed run goes on. */
  readonly step?: number;
  readonly command: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly git?: Revision;
  readonly machine: {
    readonly system: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
  };
  readonly environment: Readonly<Record<string, string>>;
}

export function circumstancesIn(directory: string, now = new Date()): Circumstances {
  const git = revisionOf(directory);
  return {
    at: now.toISOString(),
    command: process.argv.slice(2),
    versions: { "f2c-dsl": packageVersion(), node: process.version },
    ...(git && { git }),
    machine: {
      system: `${platform()} ${release()}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    environment: relevantOf(process.env),
  };
}

/** What changes how fast or how exactly something is computed, or where our own files lie. */
const RELEVANT =
  /^(F2C|OMP|GOMP|KMP|MKL|OPENBLAS|CUDA|CUBLAS|NVIDIA|NCCL|PYTORCH|TORCH|TORCHINDUCTOR|ATEN|MALLOC)_|^(GLIBC_TUNABLES|NODE_OPTIONS)$/;
const SECRET = /TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|KEY|SESSION/i;

export function relevantOf(environment: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment)
      .filter((entry): entry is [string, string] => entry[1] !== undefined)
      .filter(([name]) => RELEVANT.test(name) && !SECRET.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The commit of the repository that a folder lies in; undefined where there is none, or no git. */
export function revisionOf(directory: string): Revision | undefined {
  const git = (...words: readonly string[]) =>
    spawnSync("git", ["-C", directory, ...words], { encoding: "utf8", timeout: 10_000 });
  const commit = git("rev-parse", "--verify", "HEAD");
  if (commit.status !== 0) return undefined;
  const status = git("status", "--porcelain", "--untracked-files=normal");
  return { commit: commit.stdout.trim(), dirty: status.status !== 0 || status.stdout !== "" };
}
