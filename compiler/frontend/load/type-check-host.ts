/**
 * @file What the strict compiler reads. The declarations of this package, of TypeScript's libraries and of Node are the same
 * for every program, so a process parses and binds them once, as an editor does for all files that are open.
 */
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { libraryRoot } from "../library.js";
import { libraries, ts } from "../typescript.js";

export const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2023.d.ts"],
  types: [],
  strict: true,
  noUncheckedIndexedAccess: false,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  paths: { "f2c-dsl": [join(libraryRoot, "dist", "dsl", "index.d.ts")] },
};

/** A file that is nowhere on the disk: the parts of Node that experiments use most, declared without Node's types. */
export const AMBIENT_FILE = "/__f2c-ambient.d.ts";
export const AMBIENT = `
declare const console: { log(...values: unknown[]): void; warn(...values: unknown[]): void; error(...values: unknown[]): void };
declare const process: { readonly env: Readonly<Record<string, string | undefined>>; readonly argv: readonly string[] };
`;

/** Node's types, which this package depends on. */
export const nodeTypes = (): string =>
  dirname(createRequire(import.meta.url).resolve("@types/node/package.json"));

/** Where TypeScript's libraries seem to lie: ts-morph has their texts. */
const LIBRARIES = "/__typescript";

/** The declarations that this process has parsed, by their paths. */
const kept = new Map<string, ts.SourceFile>();

/** The compiler's host for one program: an experiment's own files, and its packages', are read anew. */
export function hostOf(): ts.CompilerHost {
  const own = [join(libraryRoot, "dist", "dsl"), nodeTypes()];
  const isKept = (name: string) =>
    name === AMBIENT_FILE || [LIBRARIES, ...own].some((folder) => name.startsWith(`${folder}/`));
  const textOf = (name: string) => {
    if (name === AMBIENT_FILE) return AMBIENT;
    return name.startsWith(`${LIBRARIES}/`) ? libraries().get(name.slice(LIBRARIES.length + 1)) : read(name);
  };
  const host = ts.createCompilerHost(OPTIONS);
  return {
    ...host,
    jsDocParsingMode: ts.JSDocParsingMode.ParseForTypeErrors,
    getDefaultLibLocation: () => LIBRARIES,
    getDefaultLibFileName: (options) => `${LIBRARIES}/${ts.getDefaultLibFileName(options)}`,
    getSourceFile(name, options) {
      const known = kept.get(name);
      if (known) return known;
      const text = textOf(name);
      if (text === undefined) return undefined;
      const file = ts.createSourceFile(name, text, options);
      if (isKept(name)) kept.set(name, file);
      return file;
    },
    resolveModuleNames: (names, from, _reused, _redirected, options) =>
      names.map((name) => reallyAt(name, from, options, host)),
  };
}

function read(name: string): string | undefined {
  try {
    return readFileSync(name, "utf8");
  } catch {
    return undefined;
  }
}

/** A module's real path, with links followed: Node resolves its relative imports from there. */
function reallyAt(
  name: string,
  from: string,
  options: ts.CompilerOptions,
  host: ts.ModuleResolutionHost,
): ts.ResolvedModuleFull | undefined {
  const found = ts.resolveModuleName(name, from, options, host).resolvedModule;
  if (!found || !name.startsWith(".")) return found;
  return { ...found, resolvedFileName: realpathSync(found.resolvedFileName) };
}
