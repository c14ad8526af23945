/** @file A file that says which process is at something, so that no other begins it: setting up an environment, working in a run folder. */
import {
  linkSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";

/** Who holds a lock, as it is written in the file. */
export interface Holder {
  readonly pid: number;
  /** When the process began, in ticks since the machine did: the number of a process is given again to another. */
  readonly born: string | undefined;
  readonly machine: string;
  /** Of the lock, in milliseconds since 1970. */
  readonly since: number;
}

/** What came of trying: the lock; or who holds it, where that is known; or who left it and is gone, which makes room for another try. */
export type Attempt =
  | { readonly kind: "taken"; readonly lock: ProcessLock }
  | { readonly kind: "held"; readonly by: Holder | undefined }
  | { readonly kind: "removed"; readonly from: Holder | undefined };

const BEAT_MS = 10_000;
/** Of a holder on another machine only this is known: it touches the lock as long as it lives. */
const SILENT_MS = 2 * 60_000;
/** A lock that names nobody: its file is being written, or its writer died just then; or an earlier version made it. */
const [NAMELESS_FILE_MS, NAMELESS_FOLDER_MS] = [5_000, 30 * 60_000];

export class ProcessLock {
  private readonly beat: NodeJS.Timeout;
  private readonly atExit = () => this.release();
  private held = true;

  private constructor(
    private readonly path: string,
    private readonly text: string,
  ) {
    this.beat = setInterval(() => touch(path), BEAT_MS);
    this.beat.unref();
    process.on("exit", this.atExit);
  }

  /** Tries once. Throws the system's error where the file cannot be made: that is no reason to wait. */
  static tryToTake(path: string): Attempt {
    const own: Holder = {
      pid: process.pid,
      born: bornOf(process.pid),
      machine: machine(),
      since: Date.now(),
    };
    const text = JSON.stringify(own);
    if (written(path, text)) return { kind: "taken", lock: new ProcessLock(path, text) };
    const found = textOf(path);
    const by = holderIn(found);
    if (found === undefined || !isGone(path, by)) return { kind: "held", by };
    return remove(path, found) ? { kind: "removed", from: by } : { kind: "held", by };
  }

  /** Whether a process that lives, as far as can be told, holds it. */
  static isHeld(path: string): boolean {
    const found = textOf(path);
    return found !== undefined && !isGone(path, holderIn(found));
  }

  /** Gives the lock back; nothing happens the second time. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    clearInterval(this.beat);
    process.off("exit", this.atExit);
    if (textOf(this.path) === this.text) rmSync(this.path, { force: true });
  }
}

/** A holder in words: "process 12 on gpu-3". */
export const described = (holder: Holder | undefined): string =>
  holder === undefined
    ? "another process"
    : `process ${holder.pid}${holder.machine === machine() ? "" : ` on ${holder.machine.split(" ")[0]}`}`;

/** Puts the file there, whole from its first moment on; `false` where there is one already. */
function written(path: string, text: string): boolean {
  const beside = `${path}.${process.pid}.new`;
  try {
    writeFileSync(beside, text);
    linkSync(beside, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    // Not every file system has hard links; there a crash between the two calls leaves an empty lock, which is held for a while.
    if (code === "EPERM" || code === "ENOTSUP" || code === "ENOSYS") return writtenInPlace(path, text);
    throw error;
  } finally {
    rmSync(beside, { force: true });
  }
}

function writtenInPlace(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Somebody removed it, or the folder cannot be written any more: the work itself will say so.
  }
}

/** What the lock holds; "" where it is no file that can be read as one, undefined where there is none. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "EISDIR") throw error;
    return foundAt(path) === undefined ? undefined : "";
  }
}

const foundAt = (path: string) => lstatSync(path, { throwIfNoEntry: false });

function holderIn(text: string | undefined): Holder | undefined {
  try {
    const holder = JSON.parse(text ?? "") as Holder;
    return Number.isInteger(holder.pid) && typeof holder.machine === "string" ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isGone(path: string, holder: Holder | undefined): boolean {
  if (holder?.machine === machine()) return !isAlive(holder);
  const found = foundAt(path);
  if (found === undefined) return false;
  const nameless = found.isDirectory() ? NAMELESS_FOLDER_MS : NAMELESS_FILE_MS;
  return Date.now() - found.mtimeMs > (holder === undefined ? nameless : SILENT_MS);
}

function isAlive({ pid, born }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return born === bornOf(pid);
}

/** Undefined of a process that has ended, whether or not its parent took notice, and where the system does not tell. */
function bornOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\)/s, "").split(" ");
    return fields[1] === "Z" ? undefined : fields[20];
  } catch {
    return undefined;
  }
}

/** Where numbers of processes mean the same: two containers may share a name and a folder, and number their own. */
function machine(): string {
  try {
    return `${hostname()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

/** Removes the lock of one who is gone, and no other that was made in between. */
function remove(path: string, text: string): boolean {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  if (textOf(aside) === text) {
    rmSync(aside, { recursive: true, force: true });
    return true;
  }
  renameSync(aside, path);
  return false;
}
