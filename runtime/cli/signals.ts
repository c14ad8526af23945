/** @file Signals that end a run: first gently, then with force. */
import { EXIT } from "./report.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type Signal = (typeof SIGNALS)[number];

/** A terminal and npx both pass a Ctrl-C on: what follows this soon is the same one. In milliseconds. */
const ONE = 300;

export interface Stages {
  /** The first one: whether the run saves and ends by itself. If not, it ends at once. */
  gently(signal: Signal): boolean;
  /** The second one: the step that runs is interrupted. */
  interrupt(): void;
  /** Says what is left, and lets go of everything; the process ends after it. */
  atOnce(signal: Signal): void;
}

/** Heeds signals. Once the returned function has been called all is done, and a signal ends the process with the exit code that it has. */
export function onSignals(stages: Stages): () => void {
  let over = false;
  let times = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (over) process.exit();
      const now = performance.now();
      if (now - last < ONE) return;
      last = now;
      times++;
      if (times === 1 && stages.gently(signal)) return;
      if (times === 2) return stages.interrupt();
      stages.atOnce(signal);
      process.exit(EXIT.interrupted);
    });
  return () => {
    over = true;
  };
}
