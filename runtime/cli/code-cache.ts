/** @file Keeps the compiled code of what is loaded from run to run: Node's own cache from 22.1 on, before that a package. */
import module, { createRequire } from "node:module";

const { enableCompileCache } = module as { enableCompileCache?: () => unknown };
try {
  if (enableCompileCache) enableCompileCache();
  else createRequire(import.meta.url)("v8-compile-cache");
} catch {
  // Without a cache all is as it was, a tenth of a second later.
}
