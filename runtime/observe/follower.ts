/**
 * @file A tool in which a run is watched: a small Python process that reads what the run writes down, and neither slows it nor ends
 * with its host. It lives as long as its stdin is open, and then finishes what it has.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import type { Follower as Chosen } from "../../dsl/index.js";
import { BridgeError, bridgeError } from "../bridge/bridge-error.js";
import { hearLines } from "../bridge/lines.js";
import { pythonEnv } from "../bridge/python-environment.js";
import type { Observer } from "./observer.js";

/** How long the end of a run waits for a follower to finish. */
const PATIENCE_MS = 30_000;

/** What a follower says of itself, in one line. */
interface Word {
  readonly where?: string;
  readonly ok?: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

const wordOf = (line: string): Word | undefined => {
  try {
    return JSON.parse(line) as Word;
  } catch {
    return undefined;
  }
};

/** Throws F2C6411 where what these tools need is not installed. */
export async function requireTools(python: string, chosen: readonly Chosen[]): Promise<void> {
  if (chosen.length === 0) return;
  const command = ["-m", "f2c_host", "followers", ...chosen.map(({ tool }) => tool)];
  const word = await new Promise<Word | undefined>((resolve) => {
    execFile(python, command, { env: pythonEnv() }, (_, out) => resolve(wordOf(out)));
  });
  if (word?.ok) return;
  throw word?.code === undefined
    ? bridgeError("host-cannot-start.followers", "host", {})
    : BridgeError.from({ ...word, class: "host" });
}

export interface FollowerOptions {
  /** What is done before the tool is told that the run has ended: it finds what that left. */
  readonly before?: () => Promise<void>;
  readonly patienceMs?: number;
}

/** Starts with the run. One that fails or is killed is said, and the run goes on. */
export class Follower implements Observer {
  readonly name: string;
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();
  private heard: Word | undefined;
  private lastLine = "";
  private ending = false;

  constructor(
    private readonly python: string,
    private readonly folder: string,
    private readonly chosen: Chosen,
    private readonly say: (text: string) => void,
    private readonly options: FollowerOptions = {},
  ) {
    this.name = chosen.tool;
  }

  begun(): void {
    this.start();
  }

  resumed(): void {
    this.start();
  }

  async ended(): Promise<void> {
    const { child } = this;
    if (!child) return;
    await this.options.before?.();
    this.ending = true;
    child.stdin?.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<true>((resolve) => {
      timer = setTimeout(() => resolve(true), this.options.patienceMs ?? PATIENCE_MS);
    });
    if (await Promise.race([this.exited, late])) {
      this.say(`${this.name} is not done yet; it finishes by itself`);
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      child.unref();
    }
    clearTimeout(timer);
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  private start(): void {
    if (this.child) return; // it sees in the file where the run went back
    const { tool, options } = this.chosen;
    const child = spawn(
      this.python,
      ["-m", "f2c_host", "follow", tool, this.folder, "--options", JSON.stringify(options)],
      { env: pythonEnv(), stdio: "pipe", detached: true },
    );
    this.child = child;
    child.stdin.on("error", () => {}); // it may be gone
    hearLines(child.stdout, (line) => this.hear(line));
    hearLines(child.stderr, (line) => {
      if (line.trim()) this.lastLine = line.trim();
    });
    this.exited = new Promise((resolve) => {
      child.on("error", ({ message }) => {
        this.lastLine = message;
      });
      child.on("close", (code, signal) => {
        if (!(this.ending && code === 0)) this.mourn(code, signal);
        resolve();
      });
    });
  }

  private hear(line: string): void {
    this.heard = wordOf(line);
    if (this.heard?.where) this.say(`${this.name}: ${this.heard.where}`);
  }

  private mourn(code: number | null, signal: string | null): void {
    const how = signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`;
    const why = this.heard?.message ?? (signal || this.lastLine === "" ? how : this.lastLine);
    this.say(
      `${this.name} does not follow the run any more: ${why}${this.ending ? "" : "; the run goes on without it"}`,
    );
  }
}
