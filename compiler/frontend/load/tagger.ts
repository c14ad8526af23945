/**
 * @file Wraps every function of a source in a call that notes where it stands and what it captures (`dsl/core/tag.ts`), so that
 * the compiler, handed a function as a value, finds its syntax. Lines stay where they are.
 */
import { capturesOf, type FunctionNode, isFunctionNode } from "../scopes.js";
import { ts } from "../typescript.js";

/** The names that the tagged source calls; the loader and the library's build provide them. */
export const TAG = "__f2cTag";
export const TAG_METHODS = "__f2cTagMethods";

interface Edit {
  readonly at: number;
  /** Edits at one place go in this order: closing before opening, outer before inner for openings. */
  readonly order: number;
  readonly text: string;
}

const thunks = (fn: FunctionNode) =>
  `()=>({${capturesOf(fn)
    .map((name) => `${name}:()=>${name}`)
    .join(",")}})`;

/** The source with its functions tagged. `path` is what the tags will say. */
export function tagFunctions(file: ts.SourceFile, path: string): string {
  let text = "";
  let from = 0;
  for (const edit of editsOf(file, path)) {
    text += file.text.slice(from, edit.at) + edit.text;
    from = edit.at;
  }
  return text + file.text.slice(from);
}

/** From an offset in the tagged text to the offset in the source. */
export function untagged(file: ts.SourceFile, path: string, offset: number): number {
  let added = 0;
  for (const edit of editsOf(file, path)) {
    if (edit.at + added >= offset) break;
    added += Math.min(edit.text.length, offset - added - edit.at);
  }
  return offset - added;
}

function editsOf(file: ts.SourceFile, path: string): readonly Edit[] {
  const quoted = JSON.stringify(path);
  const edits: Edit[] = [];
  let depth = 0;
  const open = (at: number, text: string) => edits.push({ at, order: depth, text });
  const close = (at: number, text: string) => edits.push({ at, order: -1000 - depth, text });

  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return;
    depth++;
    if (ts.isObjectLiteralExpression(node)) {
      const methods = node.properties.filter(
        (p): p is ts.MethodDeclaration =>
          ts.isMethodDeclaration(p) && isFunctionNode(p) && ts.isIdentifier(p.name),
      );
      if (methods.length > 0) {
        open(node.getStart(file), `${TAG_METHODS}(`);
        const table = methods.map(
          (m) => `${(m.name as ts.Identifier).text}:[${m.getStart(file)},${thunks(m)}]`,
        );
        close(node.getEnd(), `,${quoted},{${table.join(",")}})`);
      }
    } else if (ts.isFunctionDeclaration(node) && isFunctionNode(node) && node.name) {
      const home = node.parent;
      if (ts.isSourceFile(home) || ts.isBlock(home)) {
        const first = home.statements.find(
          (s) => !(ts.isExpressionStatement(s) && ts.isStringLiteral(s.expression)),
        )!;
        edits.push({
          at: first.getStart(file),
          order: -1,
          text: `${TAG}(${node.name.text},${quoted},${node.getStart(file)},${thunks(node)});`,
        });
      }
    } else if ((ts.isArrowFunction(node) || ts.isFunctionExpression(node)) && isFunctionNode(node)) {
      open(node.getStart(file), `${TAG}(`);
      close(node.getEnd(), `,${quoted},${node.getStart(file)},${thunks(node)})`);
    }
    ts.forEachChild(node, visit);
    depth--;
  };
  visit(file);

  return edits.sort((a, b) => a.at - b.at || a.order - b.order);
}
