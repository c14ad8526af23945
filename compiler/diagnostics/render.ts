/** @file Diagnostics as a person reads them: the line, a caret, related places, what to do. Pure text in, text out. */
import type { Diagnostic, Span } from "./diagnostic.js";

export interface RenderOptions {
  readonly color?: boolean;
  /** Shows a path as the user would type it. */
  readonly show?: (path: string) => string;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

const positionOf = (text: string, offset: number): Position => {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
};

const paint = (on: boolean | undefined) => {
  const wrap = (code: string) => (text: string) => (on ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { red: wrap("1;31"), yellow: wrap("1;33"), cyan: wrap("36"), dim: wrap("2"), bold: wrap("1") };
};

/** One diagnostic with its code frame. `source` gives the text of a path, if it is known. */
export function renderDiagnostic(
  d: Diagnostic,
  source: (path: string) => string | undefined,
  options: RenderOptions = {},
): string {
  const ink = paint(options.color);
  const severity = d.severity === "error" ? ink.red("error") : ink.yellow("warning");
  const lines = [`${severity} ${ink.bold(d.code)}: ${d.message}`];
  if (d.span) lines.push(...frame(d.span, source, options, 1));
  for (const { message, span } of d.related) {
    lines.push(`  ${ink.cyan("note")}: ${message}`, ...frame(span, source, options, 0));
  }
  if (d.hint !== undefined) lines.push(`  ${ink.cyan("help")}: ${d.hint}`);
  return lines.join("\n");
}

function frame(
  span: Span,
  source: (path: string) => string | undefined,
  options: RenderOptions,
  around: number,
): string[] {
  const ink = paint(options.color);
  const path = options.show?.(span.path) ?? span.path;
  const text = source(span.path);
  if (text === undefined) return [`  ${ink.dim("-->")} ${path}`];
  const rows = text.split("\n");
  const from = positionOf(text, span.start);
  const to = positionOf(text, Math.max(span.start, span.end));
  const first = Math.max(1, from.line - around);
  const last = Math.min(rows.length, from.line + around);
  const gutter = String(last).length;
  const out = [`  ${ink.dim("-->")} ${path}:${from.line}:${from.column}`];
  for (let line = first; line <= last; line++) {
    const row = rows[line - 1]!;
    out.push(`  ${ink.dim(`${String(line).padStart(gutter)} |`)} ${row.replaceAll("\t", "  ")}`);
    if (line !== from.line) continue;
    const end = to.line === from.line ? to.column : row.length + 1;
    const before = row.slice(0, from.column - 1).replaceAll("\t", "  ");
    out.push(
      `  ${" ".repeat(gutter)} ${ink.dim("|")} ${" ".repeat(width(before))}${ink.red("^".repeat(Math.max(1, width(row.slice(from.column - 1, end - 1)))))}`,
    );
  }
  return out;
}

/** Columns on a terminal: East Asian wide characters take two. */
function width(text: string): number {
  let columns = 0;
  for (const c of text.replaceAll("\t", "  "))
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u.test(
        c,
      ) || c.codePointAt(0)! > 0x1f2ff
        ? 2
        : 1;
  return columns;
}

/** All of them, and how many there are. */
export function renderAll(
  diagnostics: readonly Diagnostic[],
  source: (path: string) => string | undefined,
  options: RenderOptions = {},
): string {
  const errors = diagnostics.filter((d) => d.severity === "error").length;
  const count = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const warnings = diagnostics.length - errors;
  const total = [
    ...(errors ? [count(errors, "error")] : []),
    ...(warnings ? [count(warnings, "warning")] : []),
  ].join(", ");
  return `${diagnostics.map((d) => renderDiagnostic(d, source, options)).join("\n\n")}\n\n${total}\n`;
}
