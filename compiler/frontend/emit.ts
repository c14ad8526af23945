/** @file From TypeScript to JavaScript that runs, its functions tagged. */
import { tagFunctions } from "./tagger.js";
import { ts } from "./typescript.js";

/** The CommonJS of a file of an experiment, with a source map in it. */
export function emit(path: string, text: string): string {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  return ts.transpileModule(tagFunctions(file, path), {
    fileName: path,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      inlineSourceMap: true,
      inlineSources: true,
      esModuleInterop: true,
    },
  }).outputText;
}
