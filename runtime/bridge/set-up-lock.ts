/** @file One set-up of an environment at a time: a file that says who is at it. */
import {
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";

/** Who is setting up, written into the lock. */
interface Holder {
  readonly pid: number;
  /** When the process began, in ticks since the machine did: a number of a process is given again to another. */
  readonly born: string | undefined;
  readonly machine: string;
  /** Of the lock, in milliseconds since 1970. */
  readonly since: number;
}

export interface SetUpLock {
  /** Gives the lock back; nothing happens the second time. */
  release(): void;
}

const BEAT_MS = 10_000;
/** Of a holder on another machine only this is known: it touches the lock as long as it lives. */
const SILENT_MS = 5 * 60_000;
/** A lock that names nobody: its file is being written, or its writer died just then; or an earlier version made it. */
const [NAMELESS_FILE_MS, NAMELESS_FOLDER_MS] = [5_000, 30 * 60_000];
const POLL_MS = 500;

/** Waits until nobody else holds the lock, and takes it. Waiting is said once, with who holds it and since when; so is taking
 * over from one who died. Throws the system's error where the file cannot be made. */
export async function takeSetUpLock(path: string, say: (line: string) => void): Promise<SetUpLock> {
  let told: string | undefined;
  for (;;) {
    const lock = tryToTake(path);
    if (lock) return lock;
    const text = textOf(path);
    const holder = holderIn(text);
    if (text !== undefined && isGone(path, holder)) {
      if (remove(path, text)) say(`${described(holder)} had begun this set-up and is gone: taking over`);
    } else {
      if (text !== undefined && told !== text)
        say(`waiting: ${described(holder)} is setting up the same environment (${path})`);
      told = text ?? told;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Undefined where somebody else has it. */
function tryToTake(path: string): SetUpLock | undefined {
  const own: Holder = { pid: process.pid, born: bornOf(process.pid), machine: machine(), since: Date.now() };
  const text = JSON.stringify(own);
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (error) {
    // Only this is a reason to wait; a folder that cannot be written would be waited for in vain.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
  const beat = setInterval(() => touch(path), BEAT_MS).unref();
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      clearInterval(beat);
      if (textOf(path) === text) rmSync(path, { force: true });
    },
  };
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Somebody removed it, or the folder cannot be written any more: the set-up will say so.
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
    return Number.isInteger(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

const described = (holder: Holder | undefined): string =>
  holder === undefined
    ? "somebody"
    : `process ${holder.pid}${holder.machine === machine() ? "" : ` on ${holder.machine.split(" ")[0]}`} (since ${new Date(holder.since).toTimeString().slice(0, 8)})`;

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
