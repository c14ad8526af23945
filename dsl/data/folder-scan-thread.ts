/** @file The thread that scans a folder. */
import { type MessagePort, workerData } from "node:worker_threads";
import { ExperimentError } from "../core/errors.js";
import { type Scan, type ScanMessage, scanFolder, TELL_MS } from "./folder-scan.js";

const { scan, path, signal, port } = workerData as {
  readonly scan: Scan;
  readonly path: string;
  readonly signal: Int32Array;
  readonly port: MessagePort;
};

const say = (message: ScanMessage): void => {
  port.postMessage(message);
  Atomics.store(signal, 0, 1);
  Atomics.notify(signal, 0);
};

let told = performance.now();
say({ kind: "begun" });
try {
  scanFolder(scan, path, (people, images) => {
    if (performance.now() - told < TELL_MS) return;
    told = performance.now();
    say({ kind: "part", people, images });
  });
  say({ kind: "done" });
} catch (error) {
  if (error instanceof ExperimentError) {
    const { code, message, hint } = error;
    say({ kind: "refused", error: { code, message, ...(hint !== undefined && { hint }) } });
  } else
    say({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
