/** @file Diagnostics as a person or a program reads them: the line, a caret, related places, the remedy. Pure. */
import { pathToFileURL } from "node:url";
import { docsOf, nameOf } from "./catalogue.js";
import { printable, wrapped } from "./columns.js";
import type { Diagnostic, Span } from "./diagnostic.js";
import { frameOf, Lines, lastLineOf, type Position } from "./frame.js";
import { painter } from "./ink.js";

/** The text of a source by its path, undefined if it is not known. */
export type Sources = (path: string) => string | undefined;

export interface RenderOptions {
  readonly color?: boolean;
  /** Columns of the terminal: longer lines are wrapped, longer lines of code cut around the place. */
  readonly width?: number;
  /** Makes absolute paths and addresses links that a terminal can open (OSC 8). */
  readonly links?: boolean;
  /** Shows a path as the user would type it. */
  readonly show?: (path: string) => string;
}

const NARROWEST = 40;

/** One diagnostic with its code frames, without a line break at the end. */
export function renderDiagnostic(d: Diagnostic, sources: Sources, options: RenderOptions = {}): string {
  const paint = painter(options.color === true);
  const width = options.width === undefined ? Number.POSITIVE_INFINITY : Math.max(NARROWEST, options.width);
  const known = new Map<string, Lines | undefined>();
  const linesOf = (path: string) => {
    if (!known.has(path)) {
      const text = sources(path);
      known.set(path, text === undefined ? undefined : new Lines(text));
    }
    return known.get(path);
  };
  const places = [
    ...(d.span ? [{ span: d.span, around: 1 }] : []),
    ...d.related.map(({ span }) => ({ span, around: 0 })),
  ];
  const numbers = places.map(({ span, around }) => {
    const lines = linesOf(span.path);
    return lines ? lastLineOf(lines, span, around) : 1;
  });
  // One gutter for all frames of a diagnostic: their bars stand below each other.
  const gutter = String(Math.max(1, ...numbers)).length + 1;

  const place = (span: Span, around: number, role: "error" | "warning" | "related"): string[] => {
    const lines = linesOf(span.path);
    const shown = printable(options.show?.(span.path) ?? span.path);
    const at = lines?.position(span.start);
    const path = at ? `${shown}:${at.line}:${at.column}` : shown;
    const address = options.links && span.path.startsWith("/") ? pathToFileURL(span.path).href : undefined;
    const head = `${" ".repeat(gutter - 1)} ${paint("faint", "-->")} ${linked(path, address)}`;
    if (!lines) return [head];
    const mark = role === "related" ? "-" : "^";
    return [head, ...frameOf(lines, span, { paint, role, mark, around, gutter, room: width - gutter - 3 })];
  };

  const label = (word: string, text: string) => {
    const [first, ...rest] = wrapped(text, width - word.length - 4);
    const indent = " ".repeat(word.length + 4);
    return [`  ${paint("label", word)}: ${first}`, ...rest.map((line) => `${indent}${line}`)];
  };

  const [first, ...rest] = wrapped(d.message, width - d.severity.length - d.code.length - 3);
  const out = [
    `${paint(d.severity, d.severity)} ${paint("heading", d.code)}: ${paint("heading", first!)}`,
    ...rest.map((line) => `  ${paint("heading", line)}`),
  ];
  if (d.span) out.push(...place(d.span, 1, d.severity));
  for (const { message, span } of d.related)
    out.push(...label("note", message), ...place(span, 0, "related"));
  if (d.hint !== undefined) out.push(...label("help", d.hint));
  if (d.url?.includes("://"))
    out.push(
      `  ${paint("label", "docs")}: ${linked(paint("faint", d.url), options.links ? d.url : undefined)}`,
    );
  else if (nameOf(d.code) !== undefined)
    out.push(`  ${paint("label", "more")}: ${paint("faint", `f2c-dsl explain ${d.code}`)}`);
  return out.join("\n");
}

const linked = (text: string, address: string | undefined) =>
  address === undefined ? text : `\u001b]8;;${address}\u001b\\${text}\u001b]8;;\u001b\\`;

/** All of them, and how many there are. */
export function renderAll(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  options: RenderOptions = {},
): string {
  const paint = painter(options.color === true);
  const { errors, warnings } = counted(diagnostics);
  const count = (n: number, role: "error" | "warning") =>
    n ? [paint(role, `${n} ${role}${n === 1 ? "" : "s"}`)] : [];
  const total = [...count(errors, "error"), ...count(warnings, "warning")].join(", ");
  const all = diagnostics.map((d) => renderDiagnostic(d, sources, options));
  return `${[...all, total || "no errors"].join("\n\n")}\n`;
}

const counted = (diagnostics: readonly Diagnostic[]) => {
  const errors = diagnostics.filter((d) => d.severity === "error").length;
  return { errors, warnings: diagnostics.length - errors };
};

/** A place for programs: offsets as in `Span`, and lines and columns where the source is known. */
export interface JsonSpan extends Span {
  readonly from?: Position;
  readonly to?: Position;
}

/** A diagnostic for programs. */
export interface JsonDiagnostic extends Omit<Diagnostic, "span" | "related"> {
  readonly name?: string;
  readonly span?: JsonSpan;
  readonly related: readonly { readonly message: string; readonly span: JsonSpan }[];
}

/** Diagnostics as plain data for JSON.stringify, with lines and columns (from 1, in UTF-16 units). */
export function toJson(
  diagnostics: readonly Diagnostic[],
  sources: Sources = () => undefined,
): { errors: number; warnings: number; diagnostics: JsonDiagnostic[] } {
  const located = (span: Span): JsonSpan => {
    const text = sources(span.path);
    if (text === undefined) return { ...span };
    const lines = new Lines(text);
    return { ...span, from: lines.position(span.start), to: lines.position(span.end) };
  };
  const one = ({ code, severity, message, span, related, hint, url }: Diagnostic): JsonDiagnostic => {
    const name = nameOf(code);
    const docs = url ?? docsOf(code);
    return {
      code,
      ...(name && { name }),
      severity,
      message,
      ...(span && { span: located(span) }),
      related: related.map((r) => ({ message: r.message, span: located(r.span) })),
      ...(hint !== undefined && { hint }),
      ...(docs !== undefined && { url: docs }),
    };
  };
  return { ...counted(diagnostics), diagnostics: diagnostics.map(one) };
}
