/**
 * @file A command that asks a host for something and leaves: it shows how far embedding is, ends cleanly when it is told to, and says what
 * failed. Nothing is half written: what such a command writes it writes at its end, or goes on with the next time.
 */
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { BridgeError, bridgeError } from "../bridge/bridge-error.js";
import type { HostClient } from "../bridge/host-client.js";
import { ProgressLine } from "../observe/progress-line.js";
import type { HostSession } from "../stages/host-session.js";
import { BRIDGE_BROKEN } from "../stages/on-hosts.js";
import { Watch } from "../stages/watch.js";
import { EXIT, fail } from "./report.js";
import { onSignals } from "./signals.js";
import { startHost } from "./start-host.js";

/** What the command line says of the host. */
export interface AskedOptions {
  readonly device?: string;
  readonly threads?: number;
  readonly batch?: number;
}

const count = (n: number) => n.toLocaleString("en-US");

export class AskedWork {
  /** Texts of the sources that errors may point into. */
  texts: ReadonlyMap<string, string> = new Map();
  /** How many were embedded before, of how many in all; by the host's own count if not set. */
  of: { readonly before: number; readonly total: number } | undefined;
  private readonly terminal = new ProgressLine(process.stderr);
  private host: HostSession | undefined;
  private client: HostClient | undefined;
  private stopped = false;
  private firstFailure: BridgeError | undefined;
  private readonly watch = new Watch(
    (text) => this.say(text),
    () => this.host,
  );

  readonly say = (line: string): void => this.terminal.note(line);

  async start(python: string): Promise<HostSession> {
    const host = await startHost(python, { say: this.say, onStart: (client) => (this.client = client) });
    host.events = {
      onPart: (done, total) => {
        const { before = 0, total: all = total } = this.of ?? {};
        this.watch.progressed();
        this.terminal.part(`embedding ${count(before + done)} of ${count(all)} images`);
      },
      onLog: (level, message) => this.say(`host ${level}: ${message}`),
    };
    this.host = host;
    this.goOn();
    return host;
  }

  /** Awaits work of the host; says what is waited for if it takes long. */
  during<T>(what: string, work: Promise<T>): Promise<T> {
    return this.watch.during(() => what, work);
  }

  /** Ends the command here if it was asked to stop. */
  goOn(): void {
    if (this.stopped) throw bridgeError("interrupted", "user", { doing: "the evaluation" });
  }

  /** Hears of an evaluation that failed: the others go on, and the command ends with the first error. */
  readonly failed = (name: string, error: BridgeError): void => {
    if (error.interrupted || BRIDGE_BROKEN.has(error.code)) throw error;
    if (this.firstFailure?.message !== error.message)
      this.say(`the evaluation \`${name}\` failed: ${error.code}: ${error.message}`);
    this.firstFailure ??= error;
  };

  async run(work: (work: AskedWork) => Promise<void>): Promise<void> {
    const over = onSignals({
      gently: () => {
        this.stopped = true;
        this.host?.stop().catch(() => {});
        return this.host !== undefined;
      },
      interrupt: () => this.client?.interrupt(),
      atOnce: () => this.client?.kill(),
    });
    try {
      await work(this);
      if (this.firstFailure) throw this.firstFailure;
    } catch (error) {
      this.terminal.clear();
      if (this.stopped && error instanceof BridgeError && error.interrupted) {
        this.say("stopped");
        process.exitCode = EXIT.interrupted;
      } else fail(error, { texts: this.texts });
    } finally {
      this.terminal.clear();
      await this.host?.shutdown().catch(() => {});
      over();
    }
  }
}

/** Does work that asks a host. Errors are shown, and decide the exit code. */
export async function asked(options: AskedOptions, work: (work: AskedWork) => Promise<void>): Promise<void> {
  try {
    checkOptions(options);
  } catch (error) {
    fail(error);
    return;
  }
  await new AskedWork().run(work);
}

function checkOptions({ device, threads, batch }: AskedOptions): void {
  for (const [option, value] of Object.entries({ threads, batch }))
    if (value !== undefined && (!Number.isInteger(value) || value < 1))
      throw experimentError("bad-command-line.count", { option, least: 1, example: 2 });
  if (device !== undefined && !/^(auto|cpu|cuda(:\d+)?)$/.test(device))
    throw experimentError("bad-command-line.device", {
      device,
      known: "auto, cpu, cuda, cuda:0 (the first GPU)",
    });
}
