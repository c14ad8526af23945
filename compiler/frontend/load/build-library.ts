/**
 * @file Run by `npm run build` after tsc: emits `dsl/` once more with its functions tagged, so that the library's own
 * layers and methods compile like a user's. `dsl/plan` holds no compiled functions and stays as tsc wrote it.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { LIBRARY_PREFIX, libraryRoot } from "../library.js";
import { ts } from "../typescript.js";
import { TAG, TAG_METHODS, tagFunctions } from "./tagger.js";

const UNTAGGED = /^(plan\/|core\/(ops\.generated|tag|shape|promotion|tensor)\.ts$)/;

function* sources(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

/** Emits the tagged library into `dist/dsl`. */
export function buildLibrary(): void {
  const dsl = join(libraryRoot, "dsl");
  for (const path of sources(dsl)) {
    const name = relative(dsl, path).split(sep).join("/");
    if (UNTAGGED.test(name)) continue;
    const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true);
    const tag = posix.relative(posix.dirname(name), "core/tag.js");
    const source = `${tagFunctions(file, `${LIBRARY_PREFIX}dsl/${name}`)}
import { tag as ${TAG}, tagMethods as ${TAG_METHODS} } from "${tag.startsWith(".") ? tag : `./${tag}`}";
`;
    const { outputText } = ts.transpileModule(source, {
      fileName: path,
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    });
    writeFileSync(join(libraryRoot, "dist", "dsl", name.replace(/\.ts$/, ".js")), outputText);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildLibrary();
