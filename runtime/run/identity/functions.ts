/**
 * @file The user's functions that Node calls while it plans, and the constants that any function uses: found from a
 * function's tag, through what it captures. The library's own functions are passed through, not noted: what they were asked
 * for is in their descriptions.
 */
import { LIBRARY_PREFIX } from "../../../compiler/frontend/library.js";
import { tagOf } from "../../../dsl/core/tag.js";
import * as library from "../../../dsl/index.js";

import { inWords, jsonOf, shortHash } from "./json.js";

const { bookkeptParts, descriptionOf, isStored, methodParts, moduleParts } = library;
const EXPORTED = new Set<unknown>(Object.values(library));

export type Constant = number | string | boolean | null;

export interface Found {
  /** Each of the user's functions by the name that it is reached by: its text, or the start of it and a hash. */
  readonly sources: Record<string, string>;
  /** Numbers, texts and booleans that the user's functions capture. */
  readonly constants: Record<string, Constant>;
}

const DEEPEST = 6;
const MOST = 60;
const LONG = 8;
const LONGEST = 160;

/** Looks at `roots` by name, and at what they capture. `calls`: whether Node calls them, so that their text matters. */
export function functionsOf(roots: Readonly<Record<string, unknown>>, calls: boolean): Found {
  const found: Found = { sources: {}, constants: {} };
  const seen = new Set<object>();
  const visit = (path: string, value: unknown, own: boolean, depth: number): void => {
    if (depth > DEEPEST) return;
    if (typeof value === "function") visitFunction(path, value, own, depth);
    else if (typeof value === "object" && value !== null) visitObject(path, value, own, depth);
    else if (own && isConstant(value)) note(found.constants, path, constant(value));
  };
  const visitFunction = (path: string, fn: object, within: boolean, depth: number): void => {
    if (seen.has(fn) || moduleParts(fn) || EXPORTED.has(fn)) return;
    seen.add(fn);
    const tag = tagOf(fn);
    const own = tag ? !tag.path.startsWith(LIBRARY_PREFIX) : within && !isNative(fn);
    const description = descriptionOf(fn);
    if (calls && (own || description))
      note(found.sources, path, description ? inWords(jsonOf(description)) : sourceOf(fn));
    for (const [name, thunk] of Object.entries(tag?.captures() ?? {}))
      visit(own ? `${path}.${name}` : name, attempt(thunk), own, depth + 1);
  };
  const visitObject = (path: string, value: object, own: boolean, depth: number): void => {
    if (seen.has(value) || isOfTheState(value)) return;
    seen.add(value);
    if (ArrayBuffer.isView(value) || isTable(value)) {
      if (own)
        note(found.constants, path, shortHash(ArrayBuffer.isView(value) ? value : JSON.stringify(value)));
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return;
    const described = descriptionOf(value) !== undefined;
    for (const [name, item] of attempt(() => Object.entries(value)) ?? [])
      if (!described || typeof item === "function") visit(`${path}.${name}`, item, own, depth + 1);
  };
  for (const [name, root] of Object.entries(roots)) visit(name, root, true, 0);
  return found;
}

const isOfTheState = (value: object) =>
  isStored(value) || bookkeptParts(value) !== undefined || methodParts(value) !== undefined;
/** A long list of plain values. */
const isTable = (value: object) => Array.isArray(value) && value.length > LONG && value.every(isConstant);
const isConstant = (value: unknown) =>
  typeof value === "number" || typeof value === "string" || typeof value === "boolean" || value === null;
const constant = (value: unknown): Constant =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : shortened(value as Constant);
const shortened = (value: Constant): Constant =>
  typeof value === "string" && value.length > LONGEST
    ? `${value.slice(0, 40)}… (${shortHash(value)})`
    : value;

function note<T>(into: Record<string, T>, name: string, value: T): void {
  if (Object.keys(into).length < MOST) into[name] = value;
}

/** A variable that is not initialised yet throws where it is read, and so may a getter: that is not ours to say. */
function attempt<T>(thunk: () => T): T | undefined {
  try {
    return thunk();
  } catch {
    return undefined;
  }
}

const textOf = (fn: object) => Function.prototype.toString.call(fn);
const isNative = (fn: object) => /\{\s*\[native code\]\s*\}$/.test(textOf(fn));

// What the loader wraps a function in, as TypeScript prints it: `tagger.ts` writes `__f2cTag(…,"/path",12,()=>({a:()=>a}))`.
const PATH = String.raw`"(?:\/|[A-Za-z]:|${LIBRARY_PREFIX})(?:[^"\\]|\\.)*"`;
const THUNKS = String.raw`\(\)\s*=>\s*\(\{\s*(?:[^\s:,(){}]+:\s*\(\)\s*=>\s*[^\s:,(){}]+,?\s*)*\}\)`;
const PLACE = String.raw`\d+,\s*${THUNKS}`;
const TAG_END = new RegExp(String.raw`,\s*${PATH},\s*${PLACE}\)`, "g");
const METHODS_END = new RegExp(
  String.raw`,\s*${PATH},\s*\{\s*(?:[^\s:,(){}]+:\s*\[${PLACE}\],?\s*)*\}\)`,
  "g",
);
const TAG_START = /__f2cTag(Methods)?\(/g;

/**
 * A function's text without what the loader wrote into it: tags hold the file's path and offsets, which change as it moves,
 * and names from this library are written as fields of its module. A class has no tag of its own, and tags within.
 */
function sourceOf(fn: object): string {
  const text = textOf(fn)
    .replaceAll(TAG_END, "")
    .replaceAll(METHODS_END, "")
    .replaceAll(TAG_START, "")
    .replaceAll(/\(0, f2c_dsl_\d+\.(\w+)\)/g, "$1")
    .replaceAll(/\bf2c_dsl_\d+\./g, "")
    .replaceAll(/\s+/g, " ");
  return text.length > LONGEST ? `${text.slice(0, 100)}… (${shortHash(text)})` : text;
}
