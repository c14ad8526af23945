/** @file Indexes that the host makes, waited for: in a thread, which sets Python up where it has to, starts the host's scan and listens. */
import { inThread } from "../../dsl/data/in-thread.js";
import { ExperimentError, type HostScan } from "../../dsl/index.js";
import { BridgeError } from "./bridge-error.js";

/** What the thread says. */
export type ScanMessage =
  | { readonly kind: "line"; readonly line: string }
  | { readonly kind: "part"; readonly images: number }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly code: string; readonly message: string; readonly hint?: string }
  | { readonly kind: "failed"; readonly error: ConstructorParameters<typeof BridgeError> };

/** Makes the index. Throws an ExperimentError where the host refuses the files, a BridgeError where it cannot be asked. */
export function scanInHost(scan: HostScan, tell: (line: string) => void): void {
  const url = new URL("./host-scan-thread.js", import.meta.url);
  const where = scan.paths.length > 1 ? `${scan.paths[0]} and ${scan.paths.length - 1} more` : scan.paths[0];
  const ended = inThread(url, { scan }, (said: ScanMessage) => {
    if (said.kind === "line") tell(said.line);
    else if (said.kind === "part")
      tell(`indexing ${where}, once: ${said.images.toLocaleString("en-US")} images so far`);
    else return said;
    return undefined;
  });
  if (ended?.kind === "refused") {
    const { code, message, hint } = ended;
    throw new ExperimentError({ code, message, ...(hint !== undefined && { hint }) });
  }
  if (ended?.kind === "failed") throw new BridgeError(...ended.error);
  if (ended === undefined) throw new Error("internal: a thread that scans could not be started");
}
