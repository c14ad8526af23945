/** @file Keeps the compiled code of what is loaded from run to run: Node's own cache from 22.1 on, before that a package. */
import module, { createRequire, Module } from "node:module";

const { enableCompileCache } = module as { enableCompileCache?: () => unknown };
try {
  if (enableCompileCache) enableCompileCache();
  else cacheByPackage();
} catch {
  // Without a cache all is as it was, a tenth of a second later.
}

/** The package compiles without Node, which then knows no source maps: an experiment would throw at the wrong line. */
function cacheByPackage(): void {
  const modules = Module.prototype as unknown as { _compile: (code: string, file: string) => unknown };
  const byNode = modules._compile;
  createRequire(import.meta.url)("v8-compile-cache");
  const byPackage = modules._compile;
  modules._compile = function (code, file) {
    return (/\.[cm]?tsx?$/.test(file) ? byNode : byPackage).call(this, code, file);
  };
}
