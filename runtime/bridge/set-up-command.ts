/** @file A command of the set-up, which may take minutes: what it is at is said now and then, and it dies with this process. */
import { type ChildProcess, spawn } from "node:child_process";
import { type BridgeError, bridgeError } from "./bridge-error.js";
import { hearLines } from "./lines.js";

/** How a set-up tells what it does, and how often at least. */
export interface Telling {
  readonly say: (line: string) => void;
  readonly everyMs: number;
}

/** The commands that run, and whether they are being ended. */
export class Commands {
  private readonly children = new Set<ChildProcess>();
  ending = false;

  add(child: ChildProcess): void {
    this.children.add(child);
    child.on("close", () => this.children.delete(child));
  }

  /** A signal for each command and what it started. */
  kill(signal: NodeJS.Signals): void {
    for (const { pid } of this.children) {
      try {
        if (pid !== undefined) process.kill(-pid, signal);
      } catch {
        // It has ended.
      }
    }
  }

  /** Ends all: pip gets a moment to remove what it downloaded. */
  async end(patienceMs: number): Promise<void> {
    this.ending = true;
    this.kill("SIGINT");
    const closed = [...this.children].map((child) => new Promise((resolve) => child.on("close", resolve)));
    await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, patienceMs))]);
    this.kill("SIGKILL");
  }
}

/**
 * Runs a command in a process group of its own. Of its lines those are said that say what takes time, and how long it has
 * taken every few seconds; if it fails by itself, its last lines.
 */
export function runCommand(
  [command, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
  { say, everyMs }: Telling,
  running: Commands,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    running.add(child);
    const begun = Date.now();
    let tail: string[] = [];
    let activity = "";
    const hear = (line: string) => {
      if (line.trim() !== "") tail = [...tail, line.trimEnd()].slice(-20);
      const now = activityOf(line);
      if (now === undefined || now === activity) return;
      activity = now;
      say(`  ${activity}`);
    };
    hearLines(child.stdout, hear);
    hearLines(child.stderr, hear);
    const clock = setInterval(
      () => say(`  ${activity || "still at it"}: ${Math.round((Date.now() - begun) / 1000)} s so far`),
      everyMs,
    );
    const end = (error?: BridgeError) => {
      clearInterval(clock);
      if (error) reject(error);
      else resolve();
    };
    child.on("error", (error) => end(failed(command, args, `could not be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) return end();
      if (tail.length && !running.ending) say(tail.join("\n"));
      end(failed(command, args, signal ? `was ended by ${signal}` : `ended with ${code}`));
    });
  });
}

const failed = (command: string, args: readonly string[], how: string) =>
  bridgeError("setup-failed", "host", { command: [command, ...args.slice(0, 3)].join(" "), how });

/** From a line of pip to what it is at, where that takes long: large downloads, building, installing. */
function activityOf(line: string): string | undefined {
  const [, file, size, unit] = /^\s*Downloading (\S+) \(([\d.]+) (\w+)\)/.exec(line) ?? [];
  if (file !== undefined) {
    const large = unit === "GB" || (unit === "MB" && Number(size) >= 5);
    return large ? `downloading ${packageOf(file)} (${size} ${unit})` : undefined;
  }
  const [, installed] = /^Installing collected packages: (.*)/.exec(line) ?? [];
  if (installed === undefined) return undefined;
  const names = installed.split(", ");
  return `installing ${names.length} ${names.length === 1 ? "package" : "packages"}, ${names.at(-1)} last`;
}

/** `https://…/torch-2.13.0%2Bcpu-cp311-….whl` is torch 2.13.0+cpu. */
function packageOf(file: string): string {
  const [name, version] = decodeURIComponent(file.split("/").at(-1)!).split("-");
  return version === undefined ? name! : `${name} ${version.replace(/\.(whl|tar\.gz|zip)$/, "")}`;
}
