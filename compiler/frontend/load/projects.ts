/**
 * @file The Projects of ts-morph that find and parse a program's files for the strict compiler. The declarations of this
 * package, of TypeScript's libraries and of Node are the same for every program, so they stay in them, parsed and bound, as
 * in an editor for all files that are open. What else a program is made of is there only until the program is.
 */
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Project } from "ts-morph";
import { libraryRoot } from "../library.js";
import { ts, tsMorph } from "../typescript.js";

const LIBRARY = join(libraryRoot, "dist", "dsl", "index.d.ts");

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
  paths: { "f2c-dsl": [LIBRARY] },
};

/** The parts of Node that experiments use most, declared without Node's types. */
export const AMBIENT = `
declare const console: { log(...values: unknown[]): void; warn(...values: unknown[]): void; error(...values: unknown[]): void };
declare const process: { readonly env: Readonly<Record<string, string | undefined>>; readonly argv: readonly string[] };
`;

/** Node's types, which this package depends on. */
export const nodeTypes = (): string =>
  dirname(createRequire(import.meta.url).resolve("@types/node/package.json"));

/** What declares Node to a program: a few lines of ours, its types as this package has them, or a package of the program. */
export type NodeBy = "lines" | "types" | "a package";

/** Where a Project of ts-morph has TypeScript's libraries, whose texts come with it. */
const TYPESCRIPT = "/node_modules/typescript/lib";

/** A Project, and the folders whose files stay in it. */
interface Lasting {
  readonly project: Project;
  readonly folders: readonly string[];
}

/** Whatever is in a Project belongs to each of its programs, so there is one without Node's types and one with them. */
const lasting = new Map<"plain" | "node", Lasting>();
const kindOf = (nodeBy: NodeBy) => (nodeBy === "types" ? "node" : "plain");

function projectWith(nodeBy: NodeBy): Lasting {
  const kind = kindOf(nodeBy);
  const known = lasting.get(kind);
  if (known) return known;
  const { Project } = tsMorph();
  const project = new Project({
    skipAddingFilesFromTsConfig: true,
    compilerOptions: OPTIONS,
    resolutionHost: (host, options) => ({
      resolveModuleNames: (names, from) => names.map((name) => reallyAt(name, from, options(), host)),
    }),
  });
  const folders = [TYPESCRIPT, dirname(LIBRARY)];
  // Ours come first in every program, as they do from the second on.
  project.addSourceFileAtPath(LIBRARY);
  if (kind === "node") {
    folders.push(nodeTypes());
    project.addSourceFileAtPath(join(nodeTypes(), "index.d.ts"));
  }
  const made = { project, folders };
  lasting.set(kind, made);
  return made;
}

/** The program of a file and of all that it imports, read from the disk as they are now. */
export function programOf(path: string, nodeBy: NodeBy): ts.Program {
  const { project, folders } = projectWith(nodeBy);
  try {
    if (nodeBy === "lines") project.createSourceFile("/__f2c-ambient.d.ts", AMBIENT);
    project.addSourceFileAtPath(path);
    const program = project.getProgram().compilerObject;
    // The program keeps them; the Project would give them to the next one.
    for (const { fileName } of program.getSourceFiles())
      if (!folders.some((folder) => fileName.startsWith(`${folder}/`)))
        project.getSourceFile(fileName)?.forget();
    return program;
  } catch (error) {
    // A file that is gone by now: others of its program may be in the Project.
    lasting.delete(kindOf(nodeBy));
    throw error;
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
