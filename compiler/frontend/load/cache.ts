/**
 * @file Remembers which sources the type-checker found nothing wrong with, and the JavaScript that sources became, so that
 * neither is done twice. The key is the content of everything that the answer depends on. Whether a program type-checks is
 * not remembered if it imports types from a package.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { libraryRoot } from "../library.js";
import { ts } from "../typescript.js";
import { ownFolderIfAny } from "../user-cache.js";

/** Names of an experiment's own files, absolute, and their texts. */
export type OwnFiles = ReadonlyMap<string, string>;

const MOST = 2_000;
const folder = (kind: "checked" | "emitted"): string | undefined =>
  process.env.F2C_NO_CACHE ? undefined : ownFolderIfAny(kind);
const keyOf = (parts: readonly string[]) => createHash("sha256").update(JSON.stringify(parts)).digest("hex");

/** A file of the experiment that another one imports, and its real path, with links followed as Node follows them. */
export interface Located {
  readonly named: string;
  readonly path: string;
}

/** TypeScript writes `./x.js` or `./x` for `x.ts`, and `./x.mjs` for `x.mts`. */
export function locate(directory: string, request: string): Located | undefined {
  const base = resolve(directory, request);
  const written = base.replace(/\.([cm]?)js$/, ".$1ts");
  const candidates = [base, `${base}.ts`, `${base}.tsx`, written, `${written}x`, join(base, "index.ts")];
  const named = candidates.find((c) => /\.[cm]?tsx?$/.test(c) && existsSync(c));
  return named === undefined ? undefined : { named, path: realpathSync(named) };
}

interface OwnFile {
  readonly path: string;
  readonly text: string;
  readonly info: ts.PreProcessedFileInfo;
  /** What it imports that is no file of the experiment. */
  readonly others: readonly string[];
}

/** The experiment and the files that it imports by relative paths, before anything is known of types. */
export function* filesOf(entry: string): Generator<OwnFile> {
  const seen = new Set<string>();
  const pending = [entry];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = readFileSync(path, "utf8");
    const info = ts.preProcessFile(text, true, true);
    const others: string[] = [];
    for (const { fileName } of info.importedFiles) {
      const found = fileName.startsWith(".") ? locate(dirname(path), fileName) : undefined;
      if (found) pending.push(found.path);
      else others.push(fileName);
    }
    yield { path, text, info, others };
  }
}

/** The experiment's own files; `undefined` where types come from a package too. */
function ownFiles(entry: string): OwnFiles | undefined {
  const files = new Map<string, string>();
  for (const { path, text, info, others } of filesOf(entry)) {
    const references = [info.referencedFiles, info.typeReferenceDirectives, info.libReferenceDirectives];
    // Node's types are of one version, which `options` names.
    const foreign = others.some((name) => name !== "f2c-dsl" && !isBuiltin(name));
    if (foreign || references.some(({ length }) => length > 0)) return undefined;
    files.set(path, text);
  }
  return files;
}

/** What files of this package are: their names, sizes and times. */
const versionsOf = (home: string, names: readonly string[]): string =>
  names
    .map((name) => {
      const { size, mtimeMs } = statSync(join(home, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .join("\n");

/** What the library's types are. */
function libraryTypes(): string {
  const types = join(libraryRoot, "dist", "dsl");
  const names = readdirSync(types, { recursive: true, encoding: "utf8" });
  return versionsOf(types, names.filter((name) => name.endsWith(".d.ts")).sort());
}

/** What tags and emits. */
const emitter = () =>
  versionsOf(dirname(fileURLToPath(import.meta.url)), ["emit.js", "../scopes.js", "tagger.js"]);

/** A program's place in the cache. */
export interface CheckedEntry {
  /** The program's own files, if it is known to type-check. */
  readonly clean: OwnFiles | undefined;
  /** Remembers that it does. */
  remember(): void;
}

const NOTHING: CheckedEntry = { clean: undefined, remember: () => {} };

/** Looks a program up. `options` is everything else that the answer depends on. F2C_NO_CACHE leaves the cache alone. */
export function checkedEntry(entry: string, options: string): CheckedEntry {
  const home = folder("checked");
  if (home === undefined) return NOTHING;
  try {
    const files = ownFiles(entry);
    if (!files) return NOTHING;
    const directory = dirname(entry);
    const parts = [
      ts.version,
      options,
      libraryTypes(),
      ...[...files].flatMap(([path, text]) => [relative(directory, path), text]),
    ];
    const stamp = join(home, keyOf(parts));
    return { clean: existsSync(stamp) ? files : undefined, remember: () => write(stamp, "") };
  } catch {
    return NOTHING;
  }
}

/** What `emit` makes of a source, or made of it before. */
export function emitted(path: string, text: string, emit: () => string): string {
  const home = folder("emitted"); // checked every time, since what is in it is executed
  if (home === undefined) return emit();
  const place = join(home, keyOf([ts.version, emitter(), path, text]));
  const known = readIfThere(place);
  if (known !== undefined) return known;
  const made = emit();
  write(place, made);
  return made;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8") || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes an entry under another name and renames it, so that nobody reads half of it, and never through a link. Errors are
 * ignored: it is only a cache.
 */
function write(path: string, text: string): void {
  try {
    const home = dirname(path);
    const kept = readdirSync(home);
    if (kept.length >= MOST) for (const name of kept) rmSync(join(home, name), { force: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, text, { flag: "wx", mode: 0o600 });
    renameSync(unfinished, path);
  } catch {}
}
