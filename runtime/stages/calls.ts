/**
 * @file What stages share that are calls of a program's functions, a window of them in flight, on hosts that may die: the program
 * is loaded, the calls are made, and a stop lets those end that run.
 */
import type { IrModule } from "../../compiler/index.js";
import type { PlanResult } from "../bridge/host-events.js";
import type { Ending, Observers } from "../observe/observer.js";
import { Flight } from "./flight.js";
import type { Host, HostedProgram, LoadOptions } from "./host.js";
import { type HostedWork, onHosts } from "./on-hosts.js";
import { Watch } from "./watch.js";

/** Calls in flight at most, and the bytes of what they give. */
const WINDOW = 4;
const BYTES = 64 << 20;

export interface CallsOptions extends LoadOptions {
  readonly restarts: number;
  readonly start: () => Promise<Host>;
}

/** `What` is known of a call while it is in flight; `Made` is what all of them make, `undefined` if a stop ended them. */
export abstract class Calls<What, Made> implements HostedWork<Made | undefined> {
  protected readonly flight = new Flight<What>();
  protected readonly watch: Watch;
  protected readonly window: number;
  protected hosted!: HostedProgram;
  /** There is something to keep. */
  protected working = false;
  private host: Host | undefined;
  stopped = false;

  /** `bytes`: of what a call gives, at most. */
  constructor(
    private readonly name: string,
    private readonly module: IrModule,
    bytes: number,
    protected readonly observers: Observers,
    private readonly hosts: CallsOptions,
  ) {
    this.window = Math.max(1, Math.min(WINDOW, Math.floor(BYTES / Math.max(1, bytes))));
    this.watch = new Watch(
      (text) => observers.note(text),
      () => this.host,
    );
  }

  abstract readonly progress: unknown;
  abstract whatIsSaved(): string;
  /** The program is loaded: opens its data and goes to where the work begins. */
  protected abstract begin(host: Host): Promise<void>;
  protected abstract work(): Promise<Made | undefined>;
  protected abstract landed(result: PlanResult): void;

  /** Works to the end. Resolves to what is made, or to nothing if it was asked to stop. */
  async run(first: Promise<Host>): Promise<Made | undefined> {
    let how: Ending = "failed";
    try {
      const made = await onHosts(this, first, {
        start: this.hosts.start,
        restarts: this.hosts.restarts,
        watch: this.watch,
        note: (text) => this.observers.note(text),
      });
      how = made ? "complete" : "interrupted";
      return made;
    } finally {
      await this.observers.end(how);
    }
  }

  /** Asks to end after the call that runs. Returns false while there is nothing to keep: then it can end at once. */
  stop(): boolean {
    if (!this.working) return false;
    this.stopped = true;
    this.flight.wake();
    this.host?.stop().catch(() => {});
    return true;
  }

  async attempt(host: Host): Promise<Made | undefined> {
    await this.load(host);
    await this.begin(host);
    const made = await this.work();
    await this.hosted.unload().catch(() => {});
    return made;
  }

  async broken(): Promise<void> {
    this.working = false;
    this.host = undefined;
  }

  private async load(host: Host): Promise<void> {
    this.host = host;
    this.flight.listen(host, {
      onResult: (result) => this.landed(result),
      onLog: (level, message) => this.observers.note(`host ${level}: ${message}`),
    });
    const loading = host.load(this.name, this.module, this.hosts);
    this.hosted = await this.watch.during(() => "the host to load the program", loading);
  }
}
