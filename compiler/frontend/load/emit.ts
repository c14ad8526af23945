/** @file From TypeScript to JavaScript that can be run, with its functions tagged. */

import { ts } from "../typescript.js";
import { tagFunctions } from "./tagger.js";

/** What gives a file its `import.meta`, which CommonJS has not. */
export const META = "__f2cMeta";

const withMeta: ts.TransformerFactory<ts.SourceFile> = (context) => (file) => {
  const { factory } = context;
  const visit = (node: ts.Node): ts.Node =>
    ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword
      ? factory.createCallExpression(factory.createIdentifier(META), undefined, [
          factory.createIdentifier("__filename"),
        ])
      : ts.visitEachChild(node, visit, context);
  return ts.visitEachChild(file, visit, context);
};

/** The CommonJS of a file of an experiment, with a source map in it. */
export function emit(path: string, text: string): string {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  return ts.transpileModule(tagFunctions(file, path), {
    fileName: path,
    transformers: { before: [withMeta] },
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      inlineSourceMap: true,
      inlineSources: true,
      esModuleInterop: true,
    },
  }).outputText;
}
