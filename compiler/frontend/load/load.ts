/**
 * @file From `exp.ts` to an experiment value: type-checked by the strict compiler, tagged, and run. The experiment and the
 * files that it imports by relative paths are TypeScript of ours; `f2c-dsl` is this very library; the rest is Node's.
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { tag, tagMethods } from "../../../dsl/core/tag.js";
import * as library from "../../../dsl/index.js";
import { asDiagnostic, type PlainName, report } from "../../diagnostics/catalogue.js";
import { CompileError } from "../../diagnostics/compile-error.js";
import type { Diagnostic, Span } from "../../diagnostics/diagnostic.js";
import { ts } from "../typescript.js";
import { checkedEntry, emitted, locate } from "./cache.js";
import { emit, META } from "./emit.js";
import { recordIn, withOptions } from "./options.js";
import { placesInStack } from "./stack.js";
import { TAG, TAG_METHODS } from "./tagger.js";
import { checkedAgainst, typeCheck } from "./type-check.js";

/** The default export of a file, with the texts of the files that it is made of. */
export interface LoadedValue<T> {
  readonly declared: T;
  readonly path: string;
  readonly directory: string;
  /** Absolute path to text, of the experiment and of the files it imports. */
  readonly texts: ReadonlyMap<string, string>;
  /** Files that are imported through a link: the path by which they are imported, and their real path. */
  readonly links: ReadonlyMap<string, string>;
  readonly warnings: readonly Diagnostic[];
}

/** What a file declares that can be run. */
export type LoadedFile = LoadedValue<library.Experiment | library.Study>;

/** A file that declares a study. */
export interface LoadedStudy extends LoadedFile {
  readonly declared: library.Study;
}
export const declaresStudy = (loaded: LoadedFile): loaded is LoadedStudy => library.isStudy(loaded.declared);

/** An experiment of a file: what it declares, or a stage of the study that it declares. */
export interface LoadedExperiment extends Omit<LoadedFile, "declared"> {
  readonly experiment: library.Experiment;
  /** What stages of the study make that are data. */
  readonly made?: library.OpeningContext["made"];
}

/** Loads the experiment that a file declares, with the options that `settings` writes out. Throws a CompileError with every problem found. */
export const loadExperiment = (file: string, settings?: Readonly<Record<string, string>>): LoadedExperiment =>
  experimentOf(load(file), settings);

/** The experiment of a file that is loaded. Throws a CompileError where it declares a study. */
export function experimentOf(
  { declared, ...loaded }: LoadedFile,
  settings: Readonly<Record<string, string>> = {},
): LoadedExperiment {
  if (library.isExperiment(declared)) return configured({ ...loaded, experiment: declared }, settings);
  const { path, texts } = loaded;
  throw new CompileError(
    [report("default-export-no-experiment.study", defaultExportOf(path, texts), {})],
    texts,
  );
}

/** The experiment made again with other options; what it throws is shown where it is written. */
export function configured(
  loaded: LoadedExperiment,
  settings: Readonly<Record<string, string>>,
): LoadedExperiment {
  try {
    return { ...loaded, experiment: withOptions(loaded.experiment, settings) };
  } catch (error) {
    if (error instanceof CompileError) throw error;
    throw new CompileError([thrown(error, loaded.texts)], loaded.texts);
  }
}

const isRunnable = (value: unknown): value is library.Experiment | library.Study =>
  library.isExperiment(value) || library.isStudy(value);

/** Loads an experiment or a study. Throws a CompileError with every problem found. */
export const load = (file: string): LoadedFile => loadValue(file, isRunnable, "default-export-no-experiment");

/** Loads a file whose default export `is` what is wanted; of another one it is said that it is `no` such thing. */
export function loadValue<T>(
  file: string,
  is: (value: unknown) => value is T,
  no: PlainName,
): LoadedValue<T> {
  const named = resolve(file);
  const found = statSync(named, { throwIfNoEntry: false });
  const refuse = (name: "file-not-found" | "file-not-found.folder" | "bad-command-line.not-typescript") => {
    throw new CompileError([report(name, undefined, { path: file })]);
  };
  if (!found?.isFile()) refuse(found?.isDirectory() ? "file-not-found.folder" : "file-not-found");
  if (!/\.[cm]?tsx?$/.test(named)) refuse("bad-command-line.not-typescript");
  // Links are followed: relative imports start from the real file.
  const path = realpathSync(named);
  const entry = checkedEntry(path, checkedAgainst());
  const { texts, warnings } = entry.clean ? { texts: entry.clean, warnings: [] } : typeCheck(path);
  if (warnings.length === 0) entry.remember();
  const links = new Map<string, string>();
  const declared = runModule(path, texts, links, no);
  if (!is(declared)) throw new CompileError([report(no, defaultExportOf(path, texts), {} as never)], texts);
  return { declared, path, directory: dirname(path), texts, links, warnings };
}

interface Loaded {
  readonly exports: Record<string, unknown>;
}

/** Runs the files; returns the default export. Where there is none the hint is that of `no`: what the file is to export. */
function runModule(
  entry: string,
  texts: ReadonlyMap<string, string>,
  links: Map<string, string>,
  no: PlainName,
): unknown {
  const modules = new Map<string, Loaded>();
  const load = (path: string): Loaded => {
    const known = modules.get(path);
    if (known) return known;
    const loaded: Loaded = { exports: {} };
    modules.set(path, loaded);
    compile(path, texts.get(path) ?? readFileSync(path, "utf8"), loaded, (request) => {
      if (request === "f2c-dsl") return library;
      if (request.startsWith(".")) {
        const found = locate(dirname(path), request);
        if (found && found.named !== found.path) links.set(found.named, found.path);
        if (found) return load(found.path).exports;
      }
      return createRequire(path)(request);
    });
    return loaded;
  };
  let exports: Record<string, unknown>;
  try {
    exports = load(entry).exports;
  } catch (error) {
    throw new CompileError([thrown(error, texts)], texts);
  }
  const value = exports.default;
  if (value === undefined) {
    const end = lastOf(entry, texts);
    const { hint } = report(no, undefined, {} as never);
    throw new CompileError(
      [report("no-default-export", { path: entry, start: end, end }, {}, { hint })],
      texts,
    );
  }
  return value;
}

/** Where a file's last statement ends. */
const lastOf = (path: string, texts: ReadonlyMap<string, string>): number =>
  (texts.get(path) ?? "").trimEnd().length;

/** The place of an option in the experiment's file, or of `experiment` if the option is not written there. */
export function optionOf(path: string, texts: ReadonlyMap<string, string>, option: string): Span {
  const { start, end } = defaultExportOf(path, texts);
  const file = ts.createSourceFile(path, texts.get(path) ?? "", ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): ts.CallExpression | undefined =>
    ts.isCallExpression(node) && node.getStart() === start && node.end === end
      ? node
      : ts.forEachChild(node, visit);
  const call = visit(file);
  const given = recordIn(call?.arguments.at(-1));
  const named =
    given && ts.isObjectLiteralExpression(given)
      ? given.properties.find((p) => p.name && ts.isIdentifier(p.name) && p.name.text === option)?.name
      : undefined;
  const shown = named ?? call?.expression;
  return shown ? { path, start: shown.getStart(), end: shown.end } : { path, start, end };
}

/** The expression that a file exports by default, or the end of the file if there is no such expression. */
function defaultExportOf(path: string, texts: ReadonlyMap<string, string>): Span {
  const file = ts.createSourceFile(path, texts.get(path) ?? "", ts.ScriptTarget.ES2022, true);
  const found = file.statements.find((s): s is ts.ExportAssignment => ts.isExportAssignment(s));
  const [start, end] = found
    ? [found.expression.getStart(), found.expression.end]
    : [lastOf(path, texts), lastOf(path, texts)];
  return { path, start, end };
}

/** `import.meta` of a file. */
const metaOf = (filename: string) => ({
  url: pathToFileURL(filename).href,
  filename,
  dirname: dirname(filename),
});

type Compilable = InstanceType<typeof Module> & { _compile(code: string, filename: string): unknown };

function compile(path: string, text: string, into: Loaded, require: (request: string) => unknown): void {
  process.setSourceMapsEnabled(true);
  const wrapper = new Module(path) as Compilable;
  wrapper.paths = [];
  const globals = globalThis as Record<string, unknown>;
  Object.assign(globals, { [TAG]: tag, [TAG_METHODS]: tagMethods, [META]: metaOf });
  wrapper.require = require as NodeJS.Require;
  wrapper.exports = into.exports;
  wrapper._compile(
    emitted(path, text, () => emit(path, text)),
    path,
  );
  if (wrapper.exports !== into.exports) Object.assign(into.exports, wrapper.exports);
}

/** An exception of the experiment's own code, at the line that threw it. */
export function thrown(error: unknown, texts: ReadonlyMap<string, string>): Diagnostic {
  if (error instanceof CompileError) return error.diagnostics[0]!;
  const isOurs = error instanceof library.ExperimentError;
  // Ours may know the call that they are about, which has returned since.
  const [span, ...callers] = placesInStack((isOurs && error.cause) || error, (path) => texts.get(path));
  if (isOurs) return { ...asDiagnostic(error), ...(span && { span }) };
  const message = error instanceof Error ? error.message : String(error);
  const related = callers.slice(0, 3).map((caller) => ({ message: "called here", span: caller }));
  return (error as { code?: string }).code === "MODULE_NOT_FOUND"
    ? report("import-not-found.loading", span, { error: message.split("\n")[0]! }, { related })
    : report("experiment-threw", span, { error: message.split("\n")[0]! }, { related });
}
