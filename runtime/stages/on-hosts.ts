/** @file Work on hosts that may die: another one is started, and the work goes on from what is saved. */
import { codeOf } from "../../compiler/diagnostics/catalogue.js";
import { BridgeError } from "../bridge/bridge-error.js";
import type { Host } from "./host.js";
import type { Watch } from "./watch.js";

/** The host is gone; another one can take over. */
const HOST_DIED = codeOf("host-died");

/** Errors after which a host cannot be asked anything more. */
export const BRIDGE_BROKEN: ReadonlySet<string> = new Set([
  HOST_DIED,
  ...(["host-failed", "versions-differ", "internal"] as const).map(codeOf),
]);

/** Work, as one knows it who may want to end it. */
export interface Stoppable {
  /** Whether it was asked to stop. */
  readonly stopped: boolean;
  /** Asks it to end so that it can go on later. Returns false while there is nothing to keep: then it can end at once. */
  stop(): boolean;
  /** What is kept, for one who stops now. */
  whatIsSaved(): string;
}

/** A stage's work. */
export interface HostedWork<T> extends Stoppable {
  /** Does it, beginning at what is saved. */
  attempt(host: Host): Promise<T>;
  /** An attempt failed: saves what can be saved. The host may be gone. */
  broken(error: unknown): Promise<void>;
  /** Changes when something new is saved: then a host may die as often as at the beginning. */
  readonly progress: unknown;
}

export interface HostOptions {
  /** How often in a row a host that died is started again without progress in between. */
  readonly restarts: number;
  readonly start: () => Promise<Host>;
  readonly watch: Watch;
  readonly note: (text: string) => void;
}

/** Does work on a host, and on another one if that dies. One that failed at it is shut down; one that did it goes on. */
export async function onHosts<T>(
  work: HostedWork<T>,
  first: Promise<Host>,
  { restarts, start, watch, note }: HostOptions,
): Promise<T> {
  let left = restarts;
  for (let starting = first; ; starting = start()) {
    const before = work.progress;
    let host: Host | undefined;
    try {
      host = await watch.during(() => "the host to start", starting);
      return await work.attempt(host);
    } catch (error) {
      await work.broken(error);
      await host?.shutdown().catch(() => {});
      if (work.progress !== before) left = restarts;
      const died = error instanceof BridgeError && error.code === HOST_DIED;
      if (!died || work.stopped || left-- <= 0) throw error;
      note(`${error.message}\nstarting it again`);
    }
  }
}
