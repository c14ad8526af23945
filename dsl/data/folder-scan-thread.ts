/** @file The thread that scans a folder. */
import { workerData } from "node:worker_threads";
import { ExperimentError } from "../core/errors.js";
import { type Scan, type ScanMessage, scanFolder } from "./folder-scan.js";
import { type Speaker, speaking, TELL_MS } from "./in-thread.js";

const { scan, path, ...speaker } = workerData as Speaker & { readonly scan: Scan; readonly path: string };

const say = speaking<ScanMessage>(speaker);
let told = performance.now();
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
