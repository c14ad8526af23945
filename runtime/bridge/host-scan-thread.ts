/** @file The thread that has the host scan files: it can wait for Python's set-up and for a process, which its parent cannot. */
import { spawn } from "node:child_process";
import { workerData } from "node:worker_threads";
import { type Speaker, speaking } from "../../dsl/data/in-thread.js";
import type { HostScan } from "../../dsl/index.js";
import { BridgeError, bridgeError } from "./bridge-error.js";
import type { ScanMessage } from "./host-scan.js";
import { hearLines } from "./lines.js";
import { pythonEnv, setUp } from "./python-environment.js";

const { scan, ...speaker } = workerData as Speaker & { readonly scan: HostScan };
const say = speaking<ScanMessage>(speaker);

/** The last lines of what the process says that is no message: a traceback. */
const KEPT = 20;

/** Runs the scan to its end and returns its last word. Throws a BridgeError where it ends without one. */
async function scanned(python: string): Promise<ScanMessage> {
  const child = spawn(python, ["-m", "f2c_host", "scan"], {
    env: pythonEnv(),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const others: string[] = [];
  let last: ScanMessage | undefined;
  hearLines(child.stdout, (line) => {
    const message = JSON.parse(line) as ScanMessage;
    if (message.kind === "part" || message.kind === "line") say(message);
    else last = message;
  });
  hearLines(child.stderr, (line) => others.splice(0, Math.max(0, others.push(line) - KEPT)));
  child.stdin.on("error", () => {}); // it may be gone
  child.stdin.end(JSON.stringify(scan));
  const how = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("close", (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with ${code}`));
  });
  if (last) return last;
  throw bridgeError("scan-died", "host", {
    path: scan.paths[0]!,
    how,
    output: others.length > 0 ? `:\n${others.join("\n")}` : "",
  });
}

try {
  say(await scanned(await setUp((line) => say({ kind: "line", line }))));
} catch (error) {
  const { code, kind, message, hint } =
    error instanceof BridgeError
      ? error
      : bridgeError("scan-died", "fault", { path: "", how: String(error), output: "" });
  say({ kind: "failed", error: [code, kind, message, hint] });
}
