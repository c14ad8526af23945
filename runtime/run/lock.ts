/** @file One process at a time works in a run folder: another one is refused. */
import { bridgeError } from "../bridge/bridge-error.js";
import { described, ProcessLock } from "../bridge/process-lock.js";

/** Takes the lock file `path` of a run folder; that of a process that is gone does not count. Throws F2C6406 if one that lives holds it. */
export function takeRunLock(path: string, folder: string): ProcessLock {
  for (;;) {
    const attempt = ProcessLock.tryToTake(path);
    if (attempt.kind === "taken") return attempt.lock;
    if (attempt.kind === "removed") continue;
    const since = attempt.by ? `, since ${new Date(attempt.by.since).toISOString()}` : "";
    throw bridgeError("run-folder-locked", "user", { holder: described(attempt.by), folder, since });
  }
}
