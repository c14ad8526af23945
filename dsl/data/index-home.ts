/** @file Where indexes lie that are not to be kept. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let temporary: string | undefined;
/** A folder that goes with the process. */
export function ownTemporary(): string {
  if (temporary === undefined) {
    const made = mkdtempSync(join(tmpdir(), "f2c-index-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    temporary = made;
  }
  return temporary;
}
