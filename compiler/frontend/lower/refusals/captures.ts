/**
 * @file What a compiled function may not capture: variables that change, and objects that live on in Node.
 *
 *     TypeScript in                                        refused
 *     let n = 0; n = 1;    step: () => loss.mul(n)         F2C2002 `n` is assigned more than once
 *     const now = new Date();    step: () => … now …       F2C2009 `now` is a Date
 */
import { dirname } from "node:path";
import { tagOf } from "../../../../dsl/core/tag.js";
import { INTRINSIC, moduleParts } from "../../../../dsl/index.js";
import { type Filled, inWords } from "../../../diagnostics/catalogue.js";
import type { Span } from "../../../diagnostics/diagnostic.js";
import { LIBRARY_PREFIX } from "../../library.js";
import { locate } from "../../load/cache.js";
import { capturesOf, type FunctionNode, isInside, resolveName } from "../../scopes.js";
import { ts } from "../../typescript.js";
import { targetOf } from "../forms/assigned.js";
import { functionName } from "../forms/places.js";
import type { FunctionSource, SourceTexts } from "../function-source.js";
import { changeOf, changeOfImport, isHeld, mutated, rootOf } from "./changes.js";

/** Why a captured name cannot become a constant of the program. */
export interface Unfit extends Filled {
  /** Where it is declared and changed. */
  readonly related: readonly { readonly message: string; readonly span: Span }[];
}

/** Why `value`, read as `expression`, cannot be used; undefined for what is fixed once it is made. */
export function liveness(expression: string, value: unknown): Filled | undefined {
  const what = liveKind(value);
  if (what !== undefined) return inWords("captured-live-object", { name: expression, what });
  // Fields of a record are looked at when they are read; the items of a list are not read one by one.
  if (!Array.isArray(value)) return undefined;
  for (const [i, item] of value.entries()) {
    if (typeof item !== "object" && typeof item !== "function") continue;
    const found = liveness(`${expression}[${i}]`, item);
    if (found) return found;
  }
  return undefined;
}

/** The same of what a record holds, however deep. */
export function liveIn(expression: string, value: unknown, depth = 0): Filled | undefined {
  const found = liveness(expression, value);
  if (found || depth > 8 || typeof value !== "object" || value === null || ArrayBuffer.isView(value))
    return found;
  if (Array.isArray(value) || moduleParts(value)) return undefined;
  for (const [name, field] of Object.entries(value)) {
    const inner = typeof field === "object" ? liveIn(`${expression}.${name}`, field, depth + 1) : undefined;
    if (inner) return inner;
  }
  return undefined;
}

/** A live object in words: one that is neither a record, a list, a typed array nor a function that can be compiled. */
function liveKind(value: unknown): string | undefined {
  if (typeof value === "function") {
    if (tagOf(value) || moduleParts(value) || INTRINSIC in value) return undefined;
    return Object.keys(value).length > 0 ? "a function with fields of its own" : undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return undefined;
  const type = (value as { constructor?: { name?: string } }).constructor;
  return type?.name ? withArticle(type.name) : "an object";
}

const withArticle = (name: string) => `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;

/** Why the variable `name`, captured by `source`, cannot be used; undefined where it can. */
export function unfit(
  texts: SourceTexts,
  source: FunctionSource,
  name: string,
  thunk: () => unknown,
): Unfit | undefined {
  const found = resolveName(source.node, name)?.declaration;
  const imported =
    found && ts.isImportDeclaration(found) ? importedBy(texts, source, found, name) : undefined;
  const declaration = imported?.declaration ?? found;
  const place = (node: ts.Node) => spanIn(imported?.path ?? source.path, node);
  if (declaration && (ts.isVariableDeclaration(declaration) || ts.isParameter(declaration))) {
    const own = !source.path.startsWith(LIBRARY_PREFIX);
    const declared = place(nameIn(declaration.name, imported?.name ?? name));
    const change = own ? changeOf(declaration, imported?.name ?? name) : undefined;
    if (change) return changed(name, change, declared, { message: "and changed here", span: place(change) });
    const here = imported && changeOfImport(found as ts.ImportDeclaration, name);
    if (here)
      return changed(name, here, declared, { message: "and changed here", span: spanIn(source.path, here) });
  }
  const live = liveness(name, thunk());
  const named = declaration && ("name" in declaration ? (declaration.name as ts.Node) : declaration);
  return (
    live && {
      ...live,
      related: named ? [{ message: `\`${name}\` is declared here`, span: place(named) }] : [],
    }
  );
}

interface Imported {
  readonly declaration: ts.VariableDeclaration;
  readonly path: string;
  readonly name: string;
}

const imports = new WeakMap<ts.ImportDeclaration, Map<string, Imported | undefined>>();

/** The variable that an import of the experiment's own files means. */
function importedBy(
  texts: SourceTexts,
  source: FunctionSource,
  node: ts.ImportDeclaration,
  name: string,
): Imported | undefined {
  if (source.path.startsWith(LIBRARY_PREFIX)) return undefined;
  const known = imports.get(node) ?? new Map<string, Imported | undefined>();
  imports.set(node, known);
  if (!known.has(name)) known.set(name, exportedVariable(texts, source, node, name));
  return known.get(name);
}

function exportedVariable(
  texts: SourceTexts,
  source: FunctionSource,
  { importClause, moduleSpecifier }: ts.ImportDeclaration,
  name: string,
): Imported | undefined {
  const bindings = importClause?.namedBindings;
  const request = (moduleSpecifier as ts.StringLiteral).text;
  const path = request.startsWith(".") ? locate(dirname(source.path), request)?.path : undefined;
  if (!bindings || !ts.isNamedImports(bindings) || path === undefined || texts.own(path) === undefined)
    return undefined;
  const element = bindings.elements.find((e) => e.name.text === name);
  const exported = (element?.propertyName ?? element?.name)?.text;
  for (const statement of texts.file(path).statements)
    if (ts.isVariableStatement(statement))
      for (const declaration of statement.declarationList.declarations)
        if (ts.isIdentifier(declaration.name) && declaration.name.text === exported)
          return { declaration, path, name: exported };
  return undefined;
}

/** What a function that is called now captures and may not, itself or through the functions that it captures. */
export function unfitIn(
  texts: SourceTexts,
  source: FunctionSource,
  seen: Set<FunctionNode> = new Set(),
): Unfit | undefined {
  if (seen.has(source.node) || source.path.startsWith(LIBRARY_PREFIX)) return undefined;
  seen.add(source.node);
  const captures = source.captures();
  for (const name of capturesOf(source.node)) {
    const thunk = captures[name];
    if (!thunk) continue;
    const inner = texts.functionOf(attempt(thunk));
    const found =
      unfit(texts, source, name, () => attempt(thunk)) ??
      changedBy(source, name) ??
      (inner && unfitIn(texts, inner, seen));
    if (found) {
      const use = useOf(source.node, name);
      const span = spanIn(source.path, use);
      return {
        ...found,
        related: [
          ...found.related,
          { message: `${functionName(source.node) ?? "a function"} uses \`${name}\``, span },
        ],
      };
    }
  }
  return undefined;
}

/** What a function that is called now changes around it: the change would be made once, not in every step. */
function changedBy(source: FunctionSource, name: string): Unfit | undefined {
  const visit = (node: ts.Node): ts.Node | undefined => {
    const held = targetOf(node) ?? mutated(node);
    const root = held && rootOf(held);
    const means = root && ts.isIdentifier(root) && root.text === name && !(held === root && targetOf(node));
    return means && !isInside(resolveName(root, name)?.scope, source.node)
      ? node
      : ts.forEachChild(node, visit);
  };
  const change = visit(source.node);
  if (!change) return undefined;
  const by = functionName(source.node) ?? "a function";
  const declaration = resolveName(source.node, name)?.declaration;
  const named = declaration && "name" in declaration ? nameIn(declaration.name as ts.Node, name) : undefined;
  const declared = named && spanIn(source.path, named);
  const span = spanIn(source.path, change);
  return changed(name, change, declared, { message: `and ${by} changes it here`, span });
}

const spanIn = (path: string, node: ts.Node): Span => ({ path, start: node.getStart(), end: node.getEnd() });

/** The name itself in what a declaration declares. */
const nameIn = (pattern: ts.Node, name: string): ts.Node => {
  const visit = (node: ts.Node): ts.Node | undefined =>
    ts.isIdentifier(node) && node.text === name ? node : ts.forEachChild(node, visit);
  return visit(pattern) ?? pattern;
};

/** Why a variable that changes cannot be captured: where it is declared, if that is known, and where it changes. */
function changed(
  name: string,
  change: ts.Node,
  declared: Span | undefined,
  where: Unfit["related"][number],
): Unfit {
  const assigned = targetOf(change) !== undefined && !isHeld(change);
  return {
    ...inWords(`captured-variable-changes.${assigned ? "assigned" : "held"}`, { name }),
    related: [...(declared ? [{ message: `\`${name}\` is declared here`, span: declared }] : []), where],
  };
}

/** A variable that is not initialised yet throws where it is read. */
function attempt(thunk: () => unknown): unknown {
  try {
    return thunk();
  } catch {
    return undefined;
  }
}

function useOf(fn: FunctionNode, name: string): ts.Node {
  const visit = (node: ts.Node): ts.Node | undefined =>
    ts.isIdentifier(node) && node.text === name ? node : ts.forEachChild(node, visit);
  return visit(fn.body!) ?? fn;
}
