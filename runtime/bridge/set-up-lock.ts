/** @file One set-up of an environment at a time: the others wait for it. */
import { described, type Holder, ProcessLock } from "./process-lock.js";

const POLL_MS = 500;

/** Waits until nobody else holds the lock, and takes it. Waiting is said once, with who holds it and since when; so is taking
 * over from one who died. Throws the system's error where the file cannot be made. */
export async function takeSetUpLock(path: string, say: (line: string) => void): Promise<ProcessLock> {
  let told: string | undefined;
  for (;;) {
    const attempt = ProcessLock.tryToTake(path);
    if (attempt.kind === "taken") return attempt.lock;
    if (attempt.kind === "removed") {
      say(`${withTime(attempt.from)} had begun this set-up and is gone: taking over`);
      continue;
    }
    const holder = withTime(attempt.by);
    if (told !== holder) say(`waiting: ${holder} is setting up the same environment (${path})`);
    told = holder;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const withTime = (holder: Holder | undefined): string =>
  `${described(holder)}${holder ? ` (since ${new Date(holder.since).toTimeString().slice(0, 8)})` : ""}`;
