/**
 * @file The user's cache, in folders to which only this user has access. Its files are executed (an experiment's JavaScript,
 * the host's environment), so a folder that somebody else made or can write to is not used.
 */
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Why a folder of the cache is not used. */
export class ForeignFolder extends Error {
  constructor(
    readonly path: string,
    why: string,
  ) {
    super(`${path} ${why}`);
  }
}

const [OTHERS, OTHERS_WRITE] = [0o077, 0o022];

/** `XDG_CACHE_HOME`, or `~/.cache`. As the XDG specification has it, a relative path there counts as none. */
function cacheHome(): string {
  const chosen = process.env.XDG_CACHE_HOME ?? "";
  return isAbsolute(chosen) ? chosen : join(homedir(), ".cache");
}

/** The path of one of our folders in the user's cache; it may not exist yet. */
export const cachePath = (...names: readonly string[]): string => join(cacheHome(), "f2c-dsl", ...names);

/**
 * A folder in the user's cache, made where it is missing: a real one, owned by this user, closed to all others. One that
 * others could read is closed, one that they could write to is emptied first. Throws ForeignFolder where it is not ours, and
 * the system's error where it cannot be made.
 */
export function ownFolder(name: string): string {
  mkdirSync(cacheHome(), { recursive: true, mode: 0o700 });
  own(cachePath(), () => {}); // folders that others put into it are refused one level below
  const path = cachePath(name);
  own(path, () => {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { mode: 0o700 });
  });
  return path;
}

/** The same, or `undefined` if it cannot be made; then nothing is cached. */
export function ownFolderIfAny(name: string): string | undefined {
  try {
    return ownFolder(name);
  } catch {
    return undefined;
  }
}

function own(path: string, empty: () => void): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const user = process.getuid?.();
  if (user === undefined) return; // on Windows a home folder is closed to other users anyway
  const found = lstatSync(path);
  if (!found.isDirectory()) throw new ForeignFolder(path, "is not a folder");
  if (found.uid !== user) throw new ForeignFolder(path, `belongs to user ${found.uid}, not to you (${user})`);
  if ((found.mode & OTHERS_WRITE) !== 0) empty();
  if ((found.mode & OTHERS) !== 0) chmodSync(path, 0o700);
}
