/** @file TypeScript's errors as diagnostics of ours: in words, at the expression that is to blame. */
import { resolve } from "node:path";
import type { Diagnostic, Span } from "../diagnostics/diagnostic.js";
import { ts } from "./typescript.js";

const NOT_ASSIGNABLE = new Set([2322, 2345, 2739, 2740, 2741]);
const NO_MODULE = 2307;

export function fromTypeScript(d: ts.Diagnostic): Diagnostic {
  const syntax = d.code < 2000;
  const text = inWords(ofOneOverload(ts.flattenDiagnosticMessageText(d.messageText, "\n")));
  const span = spanOf(d);
  const unresolved = d.code === NO_MODULE;
  const tensors = unresolved ? undefined : ofTensors(text);
  const hint = unresolved ? importHint(text) : tensors?.hint;
  return {
    code: unresolved ? "F2C1104" : syntax ? "F2C1102" : "F2C1001",
    severity: d.category === ts.DiagnosticCategory.Error ? "error" : "warning",
    message: `${tensors?.message ?? text.replace(/\.$/, "").replace(" or its corresponding type declarations", "")} (TS${d.code})`,
    ...(span && { span: NOT_ASSIGNABLE.has(d.code) ? assigned(d.file!, span) : span }),
    ...(hint !== undefined && { hint }),
    related: (d.relatedInformation ?? []).flatMap((r) => {
      const place = spanOf(r);
      return place && !place.path.endsWith(".d.ts")
        ? [{ message: ts.flattenDiagnosticMessageText(r.messageText, "\n"), span: place }]
        : [];
    }),
  };
}

const spanOf = (x: ts.DiagnosticRelatedInformation): Span | undefined =>
  x.file && x.start !== undefined
    ? { path: resolve(x.file.fileName), start: x.start, end: x.start + (x.length ?? 0) }
    : undefined;

/** TypeScript marks the name that is assigned to; what is assigned is to blame. */
function assigned(file: ts.SourceFile, span: Span): Span {
  const node = nodeAt(file, span);
  const { parent } = node ?? {};
  if (!node || !parent) return span;
  const value =
    (ts.isBinaryExpression(parent) && parent.left === node && parent.right) ||
    (ts.isVariableDeclaration(parent) && parent.name === node && parent.initializer) ||
    (ts.isPropertyAssignment(parent) && parent.name === node && parent.initializer);
  return value ? { path: span.path, start: value.getStart(file), end: value.end } : span;
}

/** The outermost node that a span covers. */
function nodeAt(file: ts.SourceFile, { start, end }: Span): ts.Node | undefined {
  const visit = (node: ts.Node): ts.Node | undefined =>
    node.getStart(file) === start && node.end === end && node !== file
      ? node
      : ts.forEachChild(node, (child) => (child.pos <= start && child.end >= end ? visit(child) : undefined));
  return visit(file);
}

function importHint(message: string): string {
  const [, name] = /'(.+?)'/.exec(message) ?? [];
  return name === undefined || /^[./]/.test(name)
    ? "check the name; a relative path counts from the importing file"
    : `install it beside the experiment: npm install ${name}`;
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
          : "give the tensor that shape, or say it with .as<[…]>() where TypeScript cannot work it out",
  };
}

/** Layers for any shape have two call signatures, the first of which is the one to speak of. */
const ofOneOverload = (message: string): string =>
  /^No overload matches.*?gave the following error\.\n\s*(.*?)\n\s*Overload /s.exec(message)?.[1] ?? message;

/** Questions about sizes of generic code, which TypeScript shows as they are asked. */
const OPEN: readonly (readonly [RegExp, string])[] = [
  [
    /BroadcastsWith<(?:readonly )?(\[[^\]]*\]), (?:readonly )?(\[[^\]]*\])>/,
    "$1 and $2 are not known to broadcast",
  ],
  [
    /InnerDimensionsAgree<(?:readonly )?(\[[^\]]*\]), (?:readonly )?(\[[^\]]*\])>/,
    "matmul: $1 times $2, the inner dimensions are not known to be equal",
  ],
  [/TakesWhatComesBefore<.*?, (\d+)>/, "layer $1 is not known to take what the one before gives"],
  [/GivesWhatItTakes</, "residual: the body is not known to give what it takes"],
];

/** What TypeScript says; where a type of ours carries the reason in words (`ShapeError<"…">`), the reason alone. */
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
