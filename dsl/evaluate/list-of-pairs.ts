/**
 * @file Lists of pairs, as text. LFW's `pairs.txt`: a line `folds n`, and for each fold n lines `name i j` (images i and j of one person), then n lines
 * `name i other j`; image 7 of `Ada` is `Ada/Ada_0007`, whatever it ends in. Lists of one's own: `path path 1` (the same person) or `0`, between blanks,
 * tabs (TSV) or commas (CSV), with a fold as a fourth column or without. What the first line holds tells the two apart.
 */
import { experimentError } from "../core/errors.js";
import type { Names } from "../method/source.js";
import { Growing } from "./growing.js";
import { distinct, WantedNames } from "./image-names.js";
import { eachLine, type ListFile } from "./list-lines.js";

/** Pairs in the order of their folds, and within a fold in that of the list. */
export interface PairsInFolds {
  /** The images that occur, as indices into the source. */
  readonly images: Int32Array;
  /** Positions in `images`, two a pair. */
  readonly positions: Int32Array;
  readonly same: Uint8Array;
  /** How many pairs each fold has; nothing where the list says nothing of folds. */
  readonly folds: readonly number[] | undefined;
}

/** Reads a list, and finds its images. Throws F2C2511 to F2C2515. */
export function readPairs(list: ListFile, names: Names | undefined): PairsInFolds {
  const lines = new Lines(list);
  let reading: Reading | undefined;
  eachLine(list, (bytes, start, end, line) => {
    const text = bytes.toString("utf8", start, end);
    if (reading) reading.take(text, line);
    else
      reading = /^\d+([ \t]+\d+)?$/.test(text) ? new PairsTxt(lines, text) : new OwnList(lines, text, line);
  });
  if (!reading) throw experimentError("bad-list-line.none", { file: list.shown });
  reading.end();
  return inFolds(lines, lines.wanted.imagesIn(names, { list: list.shown, stems: reading.stems }));
}

interface Reading {
  /** The list leaves out what files end in. */
  readonly stems: boolean;
  take(text: string, line: number): void;
  end(): void;
}

/** What was read so far. */
class Lines {
  readonly wanted = new WantedNames();
  /** Numbers of names, two a pair. */
  readonly pairs = new Growing();
  readonly same = new Growing();
  readonly fold = new Growing();
  hasFolds = false;

  constructor(readonly list: ListFile) {}

  add(a: string, b: string, same: boolean, fold: number, line: number): void {
    this.pairs.push(this.wanted.add(a, line));
    this.pairs.push(this.wanted.add(b, line));
    this.same.push(same ? 1 : 0);
    this.fold.push(fold);
  }

  refuseColumns(found: number, wanted: string, line: number): never {
    throw experimentError("bad-list-line.columns", { file: this.list.shown, line, found, wanted });
  }

  wholeNumber(text: string, least: number, what: string, line: number): number {
    const value = /^\d+$/.test(text) ? Number(text) : -1;
    if (value >= least && value <= 0x7fff_ffff) return value;
    throw experimentError("bad-list-line.number", {
      file: this.list.shown,
      line,
      what,
      found: text,
      least,
    });
  }
}

class PairsTxt implements Reading {
  readonly stems = true;
  private readonly folds: number;
  private readonly each: number;
  private count = 0;

  constructor(
    private readonly lines: Lines,
    header: string,
  ) {
    const numbers = header.split(/[ \t]+/).map((text) => lines.wholeNumber(text, 1, "a count", 1));
    // The lists of LFW's first view have one number, and no folds.
    this.each = numbers.at(-1)!;
    this.folds = numbers.length === 2 ? numbers[0]! : 1;
    lines.hasFolds = this.folds > 1;
  }

  private get expected(): number {
    return 2 * this.folds * this.each;
  }

  take(text: string, line: number): void {
    const [place, fold] = [this.count % (2 * this.each), Math.floor(this.count / (2 * this.each))];
    this.count++;
    if (fold >= this.folds) return; // `end` says how many there are
    // Names may hold blanks where tabs part the columns.
    const words = text.split(text.includes("\t") ? /\t+/ : / +/);
    const same = place < this.each;
    if (words.length !== (same ? 3 : 4)) {
      if (words.length === 3 || words.length === 4) this.refuseKind(same, line);
      this.lines.refuseColumns(words.length, "`name i j` or `name i name j`", line);
    }
    const [name, first, other, last] = same ? [words[0], words[1], words[0], words[2]] : words;
    const image = (person: string, number: string) =>
      `${person}/${person}_${String(this.lines.wholeNumber(number, 1, "an image's number", line)).padStart(4, "0")}`;
    this.lines.add(image(name!, first!), image(other!, last!), same, fold, line);
  }

  private refuseKind(same: boolean, line: number): never {
    const { shown: file } = this.lines.list;
    const { folds, each } = this;
    throw experimentError(same ? "pairs-txt.impostor-early" : "pairs-txt.genuine-late", {
      file,
      line,
      folds,
      each,
    });
  }

  end(): void {
    const { shown: file } = this.lines.list;
    const { folds, each, expected, count } = this;
    if (count !== expected)
      throw experimentError("pairs-txt.count", { file, folds, each, expected, found: count });
  }
}

const SAME = new Map([
  ["1", true],
  ["true", true],
  ["0", false],
  ["false", false],
]);

class OwnList implements Reading {
  readonly stems = false;
  private readonly columns: number;
  private readonly split: (text: string) => string[];

  constructor(
    private readonly lines: Lines,
    first: string,
    line: number,
  ) {
    const separated = first.includes("\t") || first.includes(",");
    this.split = first.includes("\t")
      ? (text) => text.split("\t")
      : first.includes(",")
        ? commaSeparated
        : (text) => text.split(/[ \t]+/);
    this.columns = this.split(first).length;
    if (this.columns !== 3 && this.columns !== 4) this.refuse(this.columns, line);
    lines.hasFolds = this.columns === 4;
    const isHeader = separated && !SAME.has(this.split(first)[2]!.trim().toLowerCase());
    if (!isHeader) this.take(first, line);
  }

  private refuse(found: number, line: number): never {
    this.lines.refuseColumns(
      found,
      "`path path 1` for the same person, `path path 0` for two, and perhaps a fold",
      line,
    );
  }

  take(text: string, line: number): void {
    const columns = this.split(text).map((column) => column.trim());
    if (columns.length !== this.columns) this.refuse(columns.length, line);
    const [a, b, label, fold] = columns as [string, string, string, string?];
    const same = SAME.get(label.toLowerCase());
    if (same === undefined)
      throw experimentError("bad-list-line.label", { file: this.lines.list.shown, line, found: label });
    this.lines.add(
      a,
      b,
      same,
      fold === undefined ? 0 : this.lines.wholeNumber(fold, 0, "the fold", line),
      line,
    );
  }

  end(): void {
    if (this.lines.same.length === 0)
      throw experimentError("bad-list-line.none", { file: this.lines.list.shown });
  }
}

/** The columns of a line of CSV; in quotes, commas are a column's own, and two quotes are one. */
const commaSeparated = (text: string): string[] =>
  [...text.matchAll(/(?:^|,)(?:[ \t]*"((?:[^"]|"")*)"[ \t]*|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );

/** `found`: the image of each name. */
function inFolds(lines: Lines, found: Int32Array): PairsInFolds {
  const [names, same, foldOf] = [lines.pairs.all, lines.same.all, lines.fold.all];
  const [order, folds] = lines.hasFolds ? byFold(foldOf) : [undefined, undefined];
  const ordered = new Int32Array(names.length);
  for (let pair = 0; pair < same.length; pair++) {
    const from = order ? order[pair]! : pair;
    ordered[2 * pair] = found[names[2 * from]!]!;
    ordered[2 * pair + 1] = found[names[2 * from + 1]!]!;
  }
  const ofPair = order ? Uint8Array.from(order, (pair) => same[pair]!) : Uint8Array.from(same);
  return { ...distinct(ordered), same: ofPair, folds };
}

/** Pairs in the order of their folds, and how many each fold has that has some. */
function byFold(foldOf: Int32Array): [order: Int32Array, sizes: readonly number[]] {
  const sizes = new Map<number, number>();
  for (const fold of foldOf) sizes.set(fold, (sizes.get(fold) ?? 0) + 1);
  const folds = [...sizes].sort(([a], [b]) => a - b);
  const next = new Map<number, number>();
  let from = 0;
  for (const [fold, size] of folds) {
    next.set(fold, from);
    from += size;
  }
  const order = new Int32Array(foldOf.length);
  for (const [pair, fold] of foldOf.entries()) {
    const place = next.get(fold)!;
    order[place] = pair;
    next.set(fold, place + 1);
  }
  return [order, folds.map(([, size]) => size)];
}
