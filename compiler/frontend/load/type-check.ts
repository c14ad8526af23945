/**
 * @file The strict compiler over an experiment's own files. Node's types are large, so they are loaded only if a file uses
 * Node. They always come from this package, whatever is installed beside the experiment and whatever its tsconfig says.
 */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { report } from "../../diagnostics/catalogue.js";
import { CompileError } from "../../diagnostics/compile-error.js";
import type { Diagnostic } from "../../diagnostics/diagnostic.js";
import { isFunctionNode } from "../scopes.js";
import { ts } from "../typescript.js";
import { filesOf, type OwnFiles } from "./cache.js";
import { AMBIENT, type NodeBy, nodeTypes, OPTIONS, programOf } from "./projects.js";
import { typeErrors } from "./type-errors.js";

/** Everything that the answer depends on, other than the experiment's files and the library's types. */
export const checkedAgainst = (): string =>
  JSON.stringify([
    OPTIONS,
    AMBIENT,
    (JSON.parse(readFileSync(join(nodeTypes(), "package.json"), "utf8")) as { version: string }).version,
  ]);

/** The program's own files, as the strict compiler finds them. Throws a CompileError with every problem found. */
export function typeCheck(path: string): { texts: OwnFiles; warnings: readonly Diagnostic[] } {
  const { program, own, found } = checked(path);
  const texts = new Map(own.map((f) => [resolve(f.fileName), f.text]));
  const waits = own.flatMap(topLevelAwaits);
  const others = waits.length ? found.filter((d) => !AWAIT_AT_TOP.has(d.code)) : found;
  const diagnostics = [...waits, ...typeErrors(others, program.getTypeChecker())];
  if (diagnostics.some((d) => d.severity === "error")) throw new CompileError(diagnostics, texts);
  return { texts, warnings: diagnostics };
}

interface Checked {
  readonly program: ts.Program;
  readonly own: readonly ts.SourceFile[];
  readonly found: readonly ts.Diagnostic[];
}

function checked(path: string): Checked {
  const first = usesNode(path) ? "types" : "lines";
  const found = programOf(path, first);
  // Types of a package may bring Node's, and those of another version.
  const nodeBy = nodeIn(found);
  const answer = ask(nodeBy === first ? found : programOf(path, nodeBy));
  return nodeBy === "lines" && answer.found.some(asksForNode) ? ask(programOf(path, "types")) : answer;
}

function ask(program: ts.Program): Checked {
  const own = program
    .getSourceFiles()
    .filter((f) => !f.isDeclarationFile && !f.fileName.includes("/node_modules/"));
  // Type errors of a file that does not parse are of no use.
  const syntax = own.flatMap((f) => [...program.getSyntacticDiagnostics(f)]);
  const found = syntax.length ? syntax : own.flatMap((f) => [...program.getSemanticDiagnostics(f)]);
  return { program, own, found };
}

/** Whether a file imports a module of Node, or one that it imports by a relative path does: known before types are read. */
function usesNode(path: string): boolean {
  for (const { others } of filesOf(path)) if (others.some((name) => isBuiltin(name))) return true;
  return false;
}

/** What declares Node in a program. */
function nodeIn(program: ts.Program): NodeBy {
  const files = program.getSourceFiles().filter((f) => f.fileName.includes("/@types/node/"));
  if (files.length === 0) return "lines";
  const ours = `${nodeTypes()}/`;
  return files.every((f) => f.fileName.startsWith(ours)) ? "types" : "a package";
}

/** Names that Node has and ECMAScript does not, and names of its types. */
const NODE_NAMES = new Set([
  ...Object.getOwnPropertyNames(globalThis),
  ...["require", "module", "exports", "__dirname", "__filename", "NodeJS", "BufferEncoding"],
]);
/** TypeScript's codes for a name, namespace or module that is not found; the newer ones say which types to install. */
const NOT_FOUND = new Set([2304, 2307, 2503, 2552, 2580, 2584, 2591]);
/** TypeScript's codes for a missing property, with and without a suggestion. */
const NO_FIELD = new Set([2339, 2551]);

/** Whether Node's types may have what TypeScript did not find. */
function asksForNode({ code, file, start, length }: ts.Diagnostic): boolean {
  if (!file || start === undefined) return false;
  if (NOT_FOUND.has(code)) {
    const name = file.text.slice(start, start + (length ?? 0));
    const module = /^["'](.*)["']$/.exec(name)?.[1];
    return module === undefined ? NODE_NAMES.has(name) : isBuiltin(module);
  }
  return (
    NO_FIELD.has(code) &&
    /\b(console|process|globalThis|import\.meta)\s*\??\.\s*$/.test(file.text.slice(0, start))
  );
}

/** TypeScript's own words for an `await` that is in no function. */
const AWAIT_AT_TOP = new Set([1375, 1378, 1432]);

/** An experiment is loaded synchronously, so `await` at the top level of a file is refused. */
function topLevelAwaits(file: ts.SourceFile): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const visit = (node: ts.Node): void => {
    if (isFunctionNode(node) || ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) return;
    const word = ts.isAwaitExpression(node)
      ? node.getFirstToken(file)
      : ts.isForOfStatement(node)
        ? node.awaitModifier
        : undefined;
    if (word)
      found.push(
        report(
          "top-level-await",
          { path: resolve(file.fileName), start: word.getStart(file), end: word.end },
          {},
        ),
      );
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
