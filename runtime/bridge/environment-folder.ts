/**
 * @file Where the host's virtual environment lies. A checkout of this repository keeps its own beside package.json, editable.
 * Of an installed package it lies in the user's cache, so that reinstalling (`npm ci`) does not delete a gigabyte.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, sep } from "node:path";
import { cachePath, ForeignFolder, ownFolder } from "../../compiler/frontend/user-cache.js";
import { bridgeError } from "./bridge-error.js";

export interface Environment {
  readonly folder: string;
  readonly interpreter: string;
  /** The host's package. */
  readonly python: string;
  /** Whether the host's sources are used where they lie. */
  readonly editable: boolean;
  /** The file that says what the environment was made from; there as soon as it is whole. */
  readonly stamp: string;
  /** The file with the release of torch that a set-up was told to take; not there where it took the tested one. */
  readonly torch: string;
  /** The file that is there while the environment is being made. */
  readonly unfinished: string;
  readonly lock: string;
}

const KIND = "environments";

function environmentIn(folder: string, root: string, editable: boolean): Environment {
  return {
    folder,
    interpreter: join(folder, "bin", "python"),
    python: join(root, "python-host"),
    editable,
    stamp: join(folder, "f2c-host.stamp"),
    torch: join(folder, "f2c-host.torch"),
    unfinished: join(folder, "f2c-host.unfinished"),
    lock: `${folder}.lock`,
  };
}

/** An environment of the cache: the version of the package, of Python, and which package it is of. */
const NAME = /^(.+)-py(\d+\.\d+)-([0-9a-f]{16})$/;
const placeOf = (root: string) => createHash("sha256").update(root).digest("hex").slice(0, 16);
const versionOf = (root: string): string =>
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

/** A checkout's own; undefined of a package below node_modules, or where nothing can be written and none is there. */
function ownOf(root: string): Environment | undefined {
  const isCheckout = existsSync(join(root, ".git")) || !root.split(sep).includes("node_modules");
  if (!isCheckout) return undefined;
  const own = environmentIn(join(root, ".venv"), root, true);
  return existsSync(own.stamp) || canWrite(root) ? own : undefined;
}

function canWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The environment of the package at `root`, whole or not; undefined where there is none yet. It counts as used now. */
export function environmentHere(root: string): Environment | undefined {
  const own = ownOf(root);
  if (own) return own;
  const [version, place] = [versionOf(root), placeOf(root)];
  const mine = namesIn(cachePath(KIND)).filter((name) => {
    const [, ofVersion, , ofPlace] = NAME.exec(name) ?? [];
    return ofVersion === version && ofPlace === place;
  });
  const name = mine.sort((a, b) => lastUse(cachePath(KIND, b)) - lastUse(cachePath(KIND, a)))[0];
  if (name === undefined) return undefined;
  cacheFolder(); // what lies there is executed
  const found = environmentIn(cachePath(KIND, name), root, false);
  if (existsSync(found.stamp)) use(found);
  return found;
}

/** The environment that a set-up makes with a Python of this version. Throws F2C6013 or F2C6014 where it cannot lie there. */
export const environmentToMake = (root: string, python: string): Environment =>
  ownOf(root) ??
  environmentIn(join(cacheFolder(), `${versionOf(root)}-py${python}-${placeOf(root)}`), root, false);

function cacheFolder(): string {
  try {
    return ownFolder(KIND);
  } catch (error) {
    const { message } = error as Error;
    throw error instanceof ForeignFolder
      ? bridgeError("cache-not-yours", "host", { error: message })
      : bridgeError("environment-unwritable", "host", { folder: cachePath(KIND), error: message });
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const markOf = (folder: string) => join(folder, "f2c-host.used");

function use({ folder }: Environment): void {
  try {
    utimesSync(markOf(folder), new Date(), new Date());
  } catch {
    try {
      writeFileSync(markOf(folder), "");
    } catch {
      // A cache that cannot be written is not pruned either.
    }
  }
}

const lastUse = (folder: string): number =>
  (statSync(markOf(folder), { throwIfNoEntry: false }) ?? statSync(folder, { throwIfNoEntry: false }))
    ?.mtimeMs ?? 0;

const LONG_MS = 60 * 24 * 3_600_000;

/**
 * After `made` was set up: removes the environments of the same package with another version of it or of Python, and those
 * of any package that were not used for sixty days. One that a process still runs from stays, and one that is being set up.
 */
export function prune(made: Environment, say: (line: string) => void): void {
  if (made.editable) return;
  use(made);
  const folder = cachePath(KIND);
  const place = NAME.exec(made.folder.slice(folder.length + 1))?.[3];
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const [, , , ofPlace] = NAME.exec(name) ?? [];
    if (ofPlace === undefined || path === made.folder) continue;
    const old = ofPlace === place || Date.now() - lastUse(path) > LONG_MS;
    if (!old || existsSync(`${path}.lock`) || hasProcess(path)) continue;
    say(`removing an environment that is no longer used: ${path}`);
    rmSync(path, { recursive: true, force: true });
  }
}

/** Whether a process runs from an environment: its command line begins with that interpreter. */
function hasProcess(folder: string): boolean {
  const begins = (line: string) => line.startsWith(join(folder, "bin") + sep);
  if (existsSync("/proc/self/cmdline"))
    return namesIn("/proc").some((pid) => /^\d+$/.test(pid) && begins(textOf(`/proc/${pid}/cmdline`)));
  const { stdout, status } = spawnSync("ps", ["-axo", "args="], { encoding: "utf8" });
  return status !== 0 || stdout.split("\n").some(begins);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
