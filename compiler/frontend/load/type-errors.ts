/** @file TypeScript's errors as our diagnostics: in words, at the expression that is wrong, with what to write instead. */
import { resolve } from "node:path";
import { report } from "../../diagnostics/catalogue.js";
import type { Diagnostic, Span } from "../../diagnostics/diagnostic.js";
import { ts } from "../typescript.js";
import { insteadOfImport } from "./import-hint.js";
import {
  assignedNode,
  inFull,
  isSyntax,
  NOT_ASSIGNABLE,
  nodeAt,
  type Words,
  wordsFor,
} from "./type-error-words.js";

const NO_MODULE = 2307;

interface Told extends Words {
  readonly d: ts.Diagnostic;
  readonly diagnostic: Diagnostic;
}

/** Every error once: without consequences of another, and only the first of a line that does not parse. */
export function typeErrors(found: readonly ts.Diagnostic[], checker: ts.TypeChecker): readonly Diagnostic[] {
  const told = found.map((d): Told => {
    const words = wordsFor(d, checker);
    return { ...words, d, diagnostic: fromTypeScript(d, words, checker) };
  });
  const apart = told.filter(
    (one, i) =>
      one.d.code !== WITH &&
      !sameLine(told, i) &&
      !told.some((other) => other !== one && follows(one, other)),
  );
  return (apart.length ? apart : told).map(({ diagnostic }) => diagnostic);
}

/** A parameter whose type would be inferred from an expression that has none. */
const IMPLICIT = new Set([7006, 7031]);
/** The errors that TypeScript reports for a `with` besides the one that it is not allowed. */
const WITH = 2410;

function follows(one: Told, { d, root, whole }: Told): boolean {
  const span = one.diagnostic.span;
  if (!root || !span || resolve(root.getSourceFile().fileName) !== span.path) return false;
  // Of two errors about one expression, the one that names the wrong part; otherwise the first.
  if (one.root === root) {
    const rank = (of: ts.Diagnostic) => (NOT_ASSIGNABLE.has(of.code) ? 1 : 0);
    return rank(one.d) !== rank(d) ? rank(one.d) > rank(d) : one.d.start! > d.start!;
  }
  const [start, end] = [root.getStart(), root.end];
  const inside = span.start >= start && span.end <= end;
  const around = span.start <= start && span.end >= end;
  if (around && NOT_ASSIGNABLE.has(one.d.code)) return one.root === undefined;
  return inside && (whole === true || IMPLICIT.has(one.d.code)) && !(one.root && covers(one.root, root));
}

const covers = (a: ts.Node, b: ts.Node) => a.getStart() <= b.getStart() && a.end >= b.end;

function sameLine(told: readonly Told[], i: number): boolean {
  const { d } = told[i]!;
  const before = told[i - 1]?.d;
  if (!before || !isSyntax(d) || d.file !== before.file || !d.file) return false;
  const line = (of: ts.Diagnostic) => d.file!.getLineAndCharacterOfPosition(of.start ?? 0).line;
  return line(d) === line(before);
}

function fromTypeScript(
  d: ts.Diagnostic,
  { message, hint, otherwise }: Words,
  checker: ts.TypeChecker,
): Diagnostic {
  const said = inWords(ofOneOverload(ts.flattenDiagnosticMessageText(d.messageText, "\n")));
  const text = UNSPECIFIC.test(said) ? (inFull(d, checker) ?? said) : said;
  const span = spanOf(d);
  const unresolved = d.code === NO_MODULE;
  const tensors = unresolved || message !== undefined ? undefined : ofTensors(text);
  const help = unresolved
    ? insteadOfImport(text, d.file)
    : (hint ?? tensors?.hint ?? REMEDIES.find(([what]) => what.test(text))?.[1] ?? otherwise);
  const plain = text.replace(/\.$/, "").replace(" or its corresponding type declarations", "");
  const related = (d.relatedInformation ?? []).flatMap((r) => {
    const place = spanOf(r);
    return place && !place.path.endsWith(".d.ts")
      ? [{ message: ts.flattenDiagnosticMessageText(r.messageText, "\n"), span: place }]
      : [];
  });
  return {
    ...report(
      unresolved ? "import-not-found" : isSyntax(d) ? "syntax-error" : "type-error",
      span && NOT_ASSIGNABLE.has(d.code) ? assigned(d.file!, span) : span,
      { words: message ?? tensors?.message ?? plain, number: d.code },
      { related, hint: help },
    ),
    severity: d.category === ts.DiagnosticCategory.Error ? "error" : "warning",
  };
}

/** How TypeScript explains that one type of tensor is not another. */
const UNSPECIFIC = /\[dims\]|Types of property 'dtype' are incompatible/;

/** The hint if one of our types carries the reason in words. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/must be one number/, "reduce it with .mean() or .sum()"],
  [/^there is no dimension/, "dimensions count from 0, or from the end: -1 is the last"],
  [
    /is an array; a plan/,
    "write Int32Array.from([…]) for indices and labels, Float32Array.from([…]) for reals",
  ],
  [/is a Float64Array; a plan/, "write Float32Array.from(…)"],
  [/is a promise; a plan/, "remove `async`: a plan answers at once"],
  [
    /`plan` is undefined; a plan/,
    "return the plan; a record in an arrow function stands in parentheses: () => ({ … })",
  ],
];

const spanOf = (x: ts.DiagnosticRelatedInformation): Span | undefined =>
  x.file && x.start !== undefined
    ? { path: resolve(x.file.fileName), start: x.start, end: x.start + (x.length ?? 0) }
    : undefined;

/** TypeScript marks the name that is assigned to; what is assigned is to blame. */
function assigned(file: ts.SourceFile, span: Span): Span {
  const node = nodeAt(file, span.start, span.end);
  const value = node && assignedNode(node);
  return value && value !== node ? { path: span.path, start: value.getStart(file), end: value.end } : span;
}

/** `Tensor<readonly [number, 8], "f32">` as `f32[number, 8]`. */
const TENSOR = /Tensor<(?:readonly )?\[(.*?)\], "(\w+)">/;

/** A tensor where another type is wanted, as messages of ours say it. */
function ofTensors(message: string): { message: string; hint: string } | undefined {
  const [first = ""] = message.split("\n");
  const found =
    /^(?:Type|Argument of type) '(.*?)' is not assignable to (?:type|parameter of type) '(.*?)'\.?$/.exec(
      first,
    );
  const [, given, wanted] = found ?? [];
  const [got, want] = [given, wanted].map((type) => (type ? TENSOR.exec(type) : null));
  if (!want || given === undefined) return undefined;
  const shown = (match: RegExpExecArray) => `${match[2]}[${match[1]}]`;
  return {
    message: `this is ${got ? `a tensor ${shown(got)}` : `of type ${given}`}, where ${shown(want)} is wanted`,
    hint: !got
      ? "give a tensor"
      : want[1] === ""
        ? "one number is wanted here: reduce the tensor with .mean() or .sum()"
        : got[2] !== want[2] && got[1] === want[1]
          ? `cast it: .to("${want[2]}")`
          : sizesOf(got) === 4 && sizesOf(want) === 2
            ? "flatten what is left of height and width: .flatten()"
            : "give the tensor that shape, or say it with .as<[…]>() where TypeScript cannot work it out",
  };
}

const sizesOf = ([, sizes = ""]: RegExpExecArray): number =>
  sizes.split(",").filter((size) => size.trim()).length;

/** Layers for any shape have two call signatures, the first of which is the one to speak of. */
const ofOneOverload = (message: string): string =>
  /^No overload matches.*?gave the following error\.\n\s*(.*?)\n\s*Overload /s.exec(message)?.[1] ?? message;

/** Conditional types over sizes of generic code, which TypeScript prints as they are written. */
const OPEN: readonly (readonly [RegExp, string])[] = [
  [
    /BroadcastsWith<(?:readonly )?(\[[^\]]*\]), (?:readonly )?(\[[^\]]*\])>/,
    "$1 and $2 are not known to broadcast",
  ],
  [
    /InnerDimensionsAgree<(?:readonly )?(\[[^\]]*\]), (?:readonly )?(\[[^\]]*\])>/,
    "matmul: $1 times $2, the inner dimensions are not known to be equal",
  ],
];

/** TypeScript's message; if one of our types carries the reason in words (`ShapeError<"…">`), only that. */
function inWords(message: string): string {
  const reasons = [
    ...message.matchAll(/ShapeError<((?:"(?:[^"\\]|\\.)*"|[^">]|\.\.\. \d+ more \.\.\.)*)>/g),
  ].flatMap(([, union]) => union!.match(/"(?:[^"\\]|\\.)*"/g) ?? []);
  const [reason] = reasons.filter((text) => !text.endsWith('..."'));
  if (reason !== undefined) return JSON.parse(reason) as string;
  const generic = [...message.matchAll(/ShapeError<`([^`]*)`>/g)].at(-1)?.[1];
  if (generic !== undefined)
    return generic.replace(/\$\{Text<(.*?)>\}/g, (_, size: string) => size.replace("...", "…"));
  for (const [asked, words] of OPEN) {
    const found = asked.exec(message);
    if (found)
      return words.replace(/\$(\d)/g, (_, i: string) => found[Number(i)]!.replace(/\bnumber\b/g, "?"));
  }
  return message;
}
