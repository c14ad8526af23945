/**
 * @file Keeps the compiled code of what is loaded from run to run, from Node 22.1 on. It is executed as it lies there, so it
 * lies in a folder of the user's own: without one Node takes a folder below /tmp, which somebody else can have made.
 */
import { readdirSync, rmSync } from "node:fs";
import module from "node:module";
import { join } from "node:path";
import { ownFolderIfAny } from "../../compiler/frontend/user-cache.js";

const MOST = 5_000;

const { enableCompileCache } = module as { enableCompileCache?: (folder: string) => unknown };
const folder =
  enableCompileCache === undefined || process.env.F2C_NO_CACHE ? undefined : ownFolderIfAny("code");
if (folder !== undefined) {
  bound(folder);
  enableCompileCache?.(folder);
}

/** Node keeps an entry of every file that it ever loaded, by its path and its own version. */
function bound(folder: string): void {
  try {
    for (const version of readdirSync(folder)) {
      const path = join(folder, version);
      if (readdirSync(path).length > MOST) rmSync(path, { recursive: true, force: true });
    }
  } catch {
    // Another process empties it too.
  }
}
