/** @file One process at a time works in a run folder. */
import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { BridgeError } from "../bridge/bridge-error.js";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When that process was started, in the kernel's own count: a pid is given again to others. */
  readonly started: string | undefined;
  readonly since: string;
}

/** The holder on another machine touches its lock this often; one that was not touched for much longer is left over. */
const TOUCH_MS = 10_000;
const LEFT_OVER_MS = 120_000;

/** A held lock. */
export class RunLock {
  private readonly touching: NodeJS.Timeout;
  private readonly atExit = () => this.release();
  private held = true;

  private constructor(private readonly path: string) {
    this.touching = setInterval(() => touch(path), TOUCH_MS);
    this.touching.unref();
    process.on("exit", this.atExit);
  }

  /** Takes the lock file `path`. Throws F2C6406 if a process that lives holds it. */
  static take(path: string, folder: string): RunLock {
    for (;;) {
      if (written(path)) return new RunLock(path);
      const holder = holderOf(path);
      if (holder && lives(holder, path)) {
        const where = holder.host === hostname() ? "" : ` on ${holder.host}`;
        throw new BridgeError(
          "F2C6406",
          "user",
          `process ${holder.pid}${where} works in ${folder}, since ${holder.since}`,
          "wait until it is done, or stop it; for another run choose another --run-dir",
        );
      }
      removeLeftOver(path);
    }
  }

  release(): void {
    if (!this.held) return;
    this.held = false;
    clearInterval(this.touching);
    process.off("exit", this.atExit);
    rmSync(this.path, { force: true });
  }
}

/** Two processes may find the same lock left over, and the slower one may move away what the faster one has put there since. */
function removeLeftOver(path: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const moved = holderOf(aside);
  if (moved && lives(moved, aside)) linkSync(aside, path);
  rmSync(aside);
}

/** Puts a lock of this process's own there, whole from its first moment on; `false` where there is one already. */
function written(path: string): boolean {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    since: new Date().toISOString(),
  };
  const beside = `${path}.${process.pid}.new`;
  try {
    writeFileSync(beside, `${JSON.stringify(holder)}\n`);
    linkSync(beside, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    // Not every file system has hard links; there a crash between the two calls leaves an empty lock, which is held for a while.
    if (code === "EPERM" || code === "ENOTSUP" || code === "ENOSYS") return writtenInPlace(path, holder);
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

function writtenInPlace(path: string, holder: Holder): boolean {
  try {
    writeFileSync(path, `${JSON.stringify(holder)}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Who holds it, if the file can be read; one that is empty is just being written. */
function holderOf(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return age < LEFT_OVER_MS && age >= 0
      ? { pid: 0, host: "an unknown machine", started: undefined, since: "just now" }
      : undefined;
  }
}

function lives({ pid, host, started }: Holder, path: string): boolean {
  if (host !== hostname()) {
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return age < LEFT_OVER_MS;
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return pid !== process.pid && startOf(pid) === started;
}

/** Field 22 of /proc/PID/stat, behind the name in brackets, which may hold spaces. Undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {} // the folder may be gone; then other writes say so
}
