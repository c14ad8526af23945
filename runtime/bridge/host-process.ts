/** @file The host as a child process: started early, heard line by line, and never left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hearLines } from "./lines.js";
import { trainingEnv } from "./python-environment.js";

const KEPT_LINES = 200;
const LAST_WORDS = 1000;
/** Of macOS; Linux has four bytes more. */
const LONGEST_SOCKET = 103;

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A running host. Its process group dies with this process, however that ends. */
export class HostProcess {
  readonly folder: string;
  readonly exited: Promise<Exit>;
  private readonly child: ChildProcess;
  private readonly lines: string[] = [];
  private gone = false;
  private readonly atExit = () => this.clean("SIGKILL");

  constructor(
    python: string,
    session: (folder: string) => object,
    env: NodeJS.ProcessEnv,
    private readonly onLine: (line: string) => void,
  ) {
    this.folder = mkdtempSync(join(placeOfSockets(), "f2c-")); // 0700
    this.child = spawn(python, ["-m", "f2c_host", "serve"], {
      env: {
        ...env, // defaults of ours: what the user has set stays
        ...trainingEnv(),
        PYTHONUNBUFFERED: "1",
        F2C_SESSION: JSON.stringify(session(this.folder)),
      },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.child.stdout, this.child.stderr]) hearLines(stream, (line) => this.hear(line));
    this.child.stdin?.on("error", () => {}); // the host may be gone
    process.on("exit", this.atExit);
    this.exited = new Promise((resolve) => {
      this.child.on("error", (error) => {
        this.hear(error.message);
        resolve({ code: null, signal: null });
      });
      this.child.on("close", (code, signal) => resolve({ code, signal }));
      // A process that the host started may hold its output open; then what the host wrote last is here soon after its end.
      this.child.on("exit", (code, signal) =>
        setTimeout(() => resolve({ code, signal }), LAST_WORDS).unref(),
      );
    });
    void this.exited.then(() => {
      this.gone = true;
      process.off("exit", this.atExit);
      this.removeFolder();
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** The last lines that the host wrote. */
  tail(count: number): string {
    return this.lines.slice(-count).join("\n");
  }

  private hear(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
    this.onLine(line);
  }

  /** Sends a signal to the whole process group. */
  kill(signal: NodeJS.Signals): void {
    if (this.gone || this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // already gone
    }
  }

  private clean(signal: NodeJS.Signals): void {
    this.kill(signal);
    this.removeFolder();
  }

  /** Sockets that close, and processes that the host left behind, may still change what is in it: then it stays where it is. */
  private removeFolder(): void {
    try {
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 10 });
    } catch {
      // the system's folder for temporary files is emptied by others
    }
  }

  /** Waits for the end; after `patience` milliseconds forces it. A host does not heed SIGTERM. */
  async end(patience: number): Promise<Exit> {
    const ended = await Promise.race([this.exited, delay(patience, undefined, { ref: false })]);
    if (ended) return ended;
    this.kill("SIGKILL");
    return this.exited;
  }
}

/** The folder for temporary files, unless a scheduler gave one of its own whose name is too long: a socket's path holds about 100 bytes. */
const placeOfSockets = (): string => {
  const given = tmpdir();
  return Buffer.byteLength(join(given, "f2c-123456", "control")) <= LONGEST_SOCKET ? given : "/tmp";
};
