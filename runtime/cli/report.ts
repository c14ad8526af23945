/** @file How a command fails: one clear error, and an exit code that says which kind. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { codeOf, report } from "../../compiler/diagnostics/catalogue.js";
import { toJson } from "../../compiler/diagnostics/render.js";
import { placesInStack } from "../../compiler/frontend/load/stack.js";
import { CompileError, type Diagnostic, libraryRoot, renderAll } from "../../compiler/index.js";
import { ExperimentError } from "../../dsl/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import { EXIT } from "./exit.js";

export { EXIT };

interface Report {
  readonly diagnostics: readonly Diagnostic[];
  readonly texts: ReadonlyMap<string, string>;
  readonly exit: number;
  /** For a fault: what we need to mend it. */
  readonly details?: string | undefined;
}

const exitOf = (code: string | undefined) => (code === codeOf("bad-command-line") ? EXIT.usage : EXIT.user);

const DISK: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on the disk",
  EDQUOT: "the quota of the disk is used up",
  EFBIG: "it would be larger than is allowed",
  EIO: "the disk cannot be read or written",
  EACCES: "permission denied",
  EPERM: "it may not be changed",
  EROFS: "the file system is read-only",
  EBUSY: "it is in use",
  ESTALE: "its file server does not know it any more",
  ENAMETOOLONG: "its name is too long",
  ELOOP: "its links lead in a circle",
  EEXIST: "there is a file of that name",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder",
  ENOENT: "it, or its folder, does not exist",
};

/** Why a file or folder of the user's cannot be used, if that is what happened. */
function diskTrouble(error: unknown): Diagnostic | undefined {
  const { code, syscall, path: from, dest } = error as Partial<NodeJS.ErrnoException> & { dest?: string };
  const path = dest ?? from; // what is renamed was written just now
  const why = code === undefined ? undefined : DISK[code];
  if (why === undefined || path?.startsWith(libraryRoot) || syscall?.startsWith("spawn")) return undefined;
  if (path !== undefined) return report("run-folder-unwritable", undefined, { path, why });
  // Without a path, only what cannot have another cause.
  return ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO"].includes(code!)
    ? report("run-folder-unwritable.somewhere", undefined, { why, call: syscall ?? code! })
    : undefined;
}

/** What an error means to the user. */
export function reportOf(error: unknown, texts: ReadonlyMap<string, string> = new Map()): Report {
  if (error instanceof CompileError)
    return { diagnostics: error.diagnostics, texts: error.texts, exit: exitOf(error.diagnostics[0]?.code) };
  if (error instanceof ExperimentError) {
    const [span, ...callers] = placesInStack(error.cause ?? error, (path) => texts.get(path));
    const related = callers.slice(0, 3).map((place) => ({ message: "called here", span: place }));
    return {
      diagnostics: [
        { code: error.code, severity: "error", message: error.message, span, related, hint: error.hint },
      ],
      texts,
      exit: exitOf(error.code),
    };
  }
  if (error instanceof BridgeError) {
    const [span, ...callers] = error.frames;
    const related = callers.map((frame) => ({ message: "called from here", span: frame }));
    const diagnostic: Diagnostic = {
      code: error.code,
      severity: "error",
      message: error.message,
      span,
      related,
      hint: error.hint,
    };
    return {
      diagnostics: [diagnostic],
      texts,
      exit: EXIT[error.kind],
      details: error.kind === "fault" ? error.python : undefined,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  const disk = diskTrouble(error);
  if (disk) return { diagnostics: [disk], texts, exit: EXIT.resource };
  return {
    diagnostics: [report("internal", undefined, { error: message.replace(/^internal: /, "") })],
    texts,
    exit: EXIT.fault,
    details: error instanceof Error ? error.stack : undefined,
  };
}

interface Origin {
  readonly texts?: ReadonlyMap<string, string>;
  readonly directory?: string;
}

/** The text of a source that a diagnostic names: the experiment's own, the library's, or one that the host names. */
const sourceOf =
  ({ texts, directory }: Origin) =>
  (path: string): string | undefined => {
    if (path.startsWith("f2c-dsl/")) return readable(join(libraryRoot, path.slice("f2c-dsl/".length)));
    return (
      texts?.get(path) ??
      readable(directory === undefined || path.startsWith("/") ? path : join(directory, path))
    );
  };

function show(diagnostics: readonly Diagnostic[], source: (path: string) => string | undefined): void {
  const typed = (path: string) => (path.startsWith("/") ? relative(process.cwd(), path) || path : path);
  process.stderr.write(
    renderAll(diagnostics, source, {
      color: process.stderr.isTTY === true && !process.env.NO_COLOR,
      show: typed,
    }),
  );
}

/** Prints warnings to stderr, if there are any; the exit code stays. */
export function warn(warnings: readonly Diagnostic[], origin: Origin): void {
  if (warnings.length > 0) show(warnings, sourceOf(origin));
}

/** Prints an error to stderr, or as JSON to stdout; sets the exit code. */
export function fail(
  error: unknown,
  options: { json?: boolean; texts?: ReadonlyMap<string, string>; directory?: string } = {},
): void {
  const { diagnostics, texts, exit, details } = reportOf(error, options.texts);
  process.exitCode = exit;
  const source = sourceOf({ ...options, texts });
  if (options.json) {
    process.stdout.write(`${JSON.stringify(toJson(diagnostics, source), undefined, 2)}\n`);
    return;
  }
  show(diagnostics, source);
  if (details !== undefined) process.stderr.write(`\n${details}\n`);
}

/** An error in plain lines, for a log. */
export function asText(error: unknown): string {
  const { diagnostics, details } = reportOf(error);
  const lines = diagnostics.map(
    ({ code, severity, message, hint }) => `${severity} ${code}: ${message}${hint ? ` (${hint})` : ""}`,
  );
  return [...lines, ...(details === undefined ? [] : [details])].join("\n");
}

function readable(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
