/**
 * @file From a function as a value to its syntax: the loader and the build have tagged it with its file and offset.
 *
 *     in                                          out
 *     (x) => x.mul(scale), tagged exp.ts:120      the arrow function at offset 120 of exp.ts, and a way to ask for `scale`
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Tag, tagOf } from "../../../dsl/core/tag.js";
import { LIBRARY_PREFIX, libraryRoot } from "../library.js";
import { type FunctionNode, isFunctionNode } from "../scopes.js";
import { ts } from "../typescript.js";

/** A function's syntax, the file it stands in, and how to reach what it captures. */
export interface FunctionSource {
  readonly node: FunctionNode;
  readonly path: string;
  readonly captures: Tag["captures"];
}

/** Comments are nothing that is compiled. */
const PARSING: ts.CreateSourceFileOptions = {
  languageVersion: ts.ScriptTarget.ES2022,
  jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
};

/** Files of the library, which are the same for every program of a process. */
const libraryFiles = new Map<string, ts.SourceFile>();

/** The sources that functions were found in, parsed once. */
export class SourceTexts {
  private readonly ownFiles = new Map<string, ts.SourceFile>();

  /** `loaded`: texts of the experiment's own files, as they were when it was loaded. */
  constructor(private readonly loaded: ReadonlyMap<string, string>) {}

  file(path: string): ts.SourceFile {
    const files = path.startsWith(LIBRARY_PREFIX) ? libraryFiles : this.ownFiles;
    let file = files.get(path);
    if (!file) {
      file = ts.createSourceFile(path, this.text(path), PARSING, true);
      files.set(path, file);
    }
    return file;
  }

  text(path: string): string {
    return (
      this.loaded.get(path) ??
      readFileSync(
        path.startsWith(LIBRARY_PREFIX) ? join(libraryRoot, path.slice(LIBRARY_PREFIX.length)) : path,
        "utf8",
      )
    );
  }

  /** The text of one of the experiment's own files. */
  own(path: string): string | undefined {
    return this.loaded.get(path);
  }

  /** The syntax of a function value, if the loader or the build has tagged it. */
  functionOf(fn: unknown): FunctionSource | undefined {
    const tag = tagOf(fn);
    if (!tag) return undefined;
    const node = findFunction(this.file(tag.path), tag.start);
    if (!node) throw new Error(`internal: no function at ${tag.path}:${tag.start}`);
    return { node, path: tag.path, captures: tag.captures };
  }
}

function findFunction(file: ts.SourceFile, start: number): FunctionNode | undefined {
  const visit = (node: ts.Node): FunctionNode | undefined => {
    if (start < node.pos || start >= node.end) return undefined;
    if (isFunctionNode(node) && node.getStart(file) === start) return node;
    return ts.forEachChild(node, visit);
  };
  return visit(file);
}
