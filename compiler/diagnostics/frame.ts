/** @file The code frame: lines of a source with numbers, and marks under a place. */
import { type Cell, cellsOf, columnsOf } from "./columns.js";
import type { Span } from "./diagnostic.js";
import type { Painter, Role } from "./ink.js";

/** A line and a column of a text, both from 1; the column counts UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A source by its lines. */
export class Lines {
  private readonly starts: readonly number[];
  private readonly rows: readonly string[];

  constructor(private readonly text: string) {
    this.rows = text.split(/\r\n|\n|\r/);
    const starts = [0];
    for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
    this.starts = starts;
  }

  get count(): number {
    return this.rows.length;
  }

  /** A line without its end; lines count from 1. */
  row(line: number): string {
    return this.rows[line - 1] ?? "";
  }

  /** Where an offset lies; one outside the text, at the nearer end. */
  position(offset: number): Position {
    const inside = Math.min(Math.max(0, offset), this.text.length);
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.starts[middle]! <= inside) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: inside - this.starts[low]! + 1 };
  }
}

export interface FrameStyle {
  readonly paint: Painter;
  /** How the marks are coloured, and what they look like. */
  readonly role: Role;
  readonly mark: string;
  /** Lines shown before and after the place. */
  readonly around: number;
  /** Columns for the numbers of lines. */
  readonly gutter: number;
  /** Columns for the code. */
  readonly room: number;
}

/** Of a longer place, so many lines are shown from its beginning and from its end. */
const SHOWN_ENDS = 3;

/** The last line that a frame shows, which decides how wide its gutter is. */
export const lastLineOf = (lines: Lines, span: Span, around: number): number =>
  Math.min(lines.count, endOf(lines, span).line + around);

/** The end of a span as a reader sees it: one that ends with a line break ends before it. */
function endOf(lines: Lines, span: Span): Position {
  const from = lines.position(span.start);
  const to = lines.position(Math.max(span.start, span.end));
  if (to.line === from.line || to.column > 1) return to;
  return { line: to.line - 1, column: lines.row(to.line - 1).length + 1 };
}

/** The lines of a frame, without the path above it. */
export function frameOf(lines: Lines, span: Span, style: FrameStyle): string[] {
  const { paint, gutter, around } = style;
  const from = lines.position(span.start);
  const to = endOf(lines, span);
  const bar = paint("faint", "|");
  const blank = `${" ".repeat(gutter)} ${bar}`;
  const out = [blank];
  const first = Math.max(1, from.line - around);
  const last = Math.min(lines.count, to.line + around);
  const left = cropOf(lines, from, to, style.room);
  for (let line = first; line <= last; line++) {
    const skipped = to.line - SHOWN_ENDS - (from.line + SHOWN_ENDS) + 1;
    if (line === from.line + SHOWN_ENDS && skipped > 1) {
      out.push(`${paint("faint", "…".padStart(gutter))} ${bar} ${paint("faint", `${skipped} lines`)}`);
      line += skipped - 1;
      continue;
    }
    const row = lines.row(line);
    const cells = cellsOf(row);
    const shown = window(cells, left, style.room);
    const number = paint("faint", String(line).padStart(gutter));
    out.push(`${number} ${bar} ${shown.text}`.trimEnd());
    if (line < from.line || line > to.line) continue;
    const indent = row.length - row.trimStart().length;
    const start = line === from.line ? from.column - 1 : indent;
    const end = line === to.line ? to.column - 1 : row.length;
    if (line !== from.line && end <= start) continue;
    out.push(`${blank} ${marks(cells, start, end, left, shown.columns, style)}`);
  }
  if (around > 0) out.push(blank);
  return out;
}

/** How many columns of the code are cut off at the left, so that the beginning of the place is seen. */
function cropOf(lines: Lines, from: Position, to: Position, room: number): number {
  const cells = cellsOf(lines.row(from.line));
  const before = columnsOf(cells.filter((c) => c.offset < from.column - 1));
  const end = to.line === from.line ? to.column - 1 : Number.POSITIVE_INFINITY;
  const marked = columnsOf(cells.filter((c) => c.offset >= from.column - 1 && c.offset < end));
  if (before + Math.max(1, marked) <= room) return 0;
  const context = Math.max(0, Math.floor((room - Math.min(marked, room)) / 2));
  return Math.max(0, before - Math.max(context, Math.min(8, Math.floor(room / 4))));
}

/** The columns of a line from `left` on, at most `room` of them; "…" stands for what is cut off. */
function window(cells: readonly Cell[], left: number, room: number): { text: string; columns: number } {
  const total = columnsOf(cells);
  const cutLeft = left > 0 && total > 0;
  const cutRight = total > left + room;
  const start = cutLeft ? left + 1 : left;
  const end = cutRight ? left + room - 1 : left + room;
  let text = cutLeft ? "…" : "";
  let at = 0;
  for (const { text: shown, columns } of cells) {
    const seen = Math.min(at + columns, end) - Math.max(at, start);
    if (at >= start && at + columns <= end) text += shown;
    else if (seen > 0) text += " ".repeat(seen); // half of a wide character
    at += columns;
  }
  return { text: cutRight ? `${text}…` : text, columns: Math.max(0, Math.min(total - left, room)) };
}

/** Marks under the code units `start` to `end` of a line; an empty place gets one mark. */
function marks(
  cells: readonly Cell[],
  start: number,
  end: number,
  left: number,
  shown: number,
  { paint, role, mark, room }: FrameStyle,
): string {
  const columnAt = (unit: number) => columnsOf(cells.filter((c) => c.offset < unit));
  const from = Math.max(0, columnAt(start) - left);
  const to = Math.min(columnAt(end) - left, Math.max(shown, from + 1), room);
  return " ".repeat(Math.min(from, room)) + paint(role, mark.repeat(Math.max(1, to - from)));
}
