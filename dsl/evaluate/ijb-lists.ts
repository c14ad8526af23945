/**
 * @file The lists of IJB-B and IJB-C, as insightface hands them out under `meta`: which face belongs to which template and medium, the detector's scores,
 * pairs of templates, galleries and probes. They are read line by line into typed arrays: IJB-C lists 15.66 million pairs.
 */
import { experimentError } from "../core/errors.js";
import { Growing } from "./growing.js";
import { WantedNames } from "./image-names.js";
import { eachLine, filesEnding, type ListFile, listFile, wholeNumbers, wordsOf } from "./list-lines.js";

/** The one file of a folder that ends so. Throws F2C2519 where there is none, or several. */
function theFile(folder: ListFile, ends: string): ListFile {
  const found = filesEnding(folder, new RegExp(`${ends.replaceAll(".", "\\.")}$`, "i"));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw experimentError("ijb-lists.no-file", { folder: folder.shown, ends });
  const [one, other] = found.map(({ shown }) => shown);
  throw experimentError("ijb-lists.two-files", { one: one!, other: other!, ends });
}

/** What the sets of the field list, by how their files begin: a list that was cut between two lines is known by nothing else. */
const SETS: Readonly<
  Record<string, { readonly set: string; readonly faces: number; readonly pairs: number }>
> = {
  ijbb: { set: "IJB-B", faces: 227_630, pairs: 8_010_270 },
  ijbc: { set: "IJB-C", faces: 469_375, pairs: 15_658_489 },
};

function refuseCut(file: ListFile, what: "faces" | "pairs", found: number): void {
  const known = SETS[basename(file.path).slice(0, 4).toLowerCase()];
  if (!known || known[what] === found) return;
  throw experimentError("ijb-lists.cut", {
    file: file.shown,
    found,
    what,
    set: known.set,
    expected: known[what],
  });
}

const basename = (path: string) => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);

/** Faces of templates, in the order of the list. */
export interface Faces {
  /** The names of the images, by number. */
  readonly names: WantedNames;
  /** Of each face the number of its image's name, its template and its medium. */
  readonly name: Int32Array;
  readonly template: Int32Array;
  readonly medium: Int32Array;
  readonly file: ListFile;
}

/** Reads `…_face_tid_mid.txt`: `name template medium` a line. */
export function readFaces(directory: string, meta: string): Faces {
  const file = theFile(listFile(directory, meta), "_face_tid_mid.txt");
  const names = new WantedNames();
  const [name, template, medium] = [new Growing(), new Growing(), new Growing()];
  eachLine(file, (bytes, start, end, line) => {
    const words = wordsOf(bytes, start, end);
    if (words.length !== 3) refuseColumns(file, line, words.length, "`name template medium`");
    name.push(names.add(words[0]!, line));
    template.push(numberIn(file, line, "the template", words[1]!));
    medium.push(numberIn(file, line, "the medium", words[2]!));
  });
  if (name.length === 0) throw experimentError("bad-list-line.none", { file: file.shown });
  refuseCut(file, "faces", name.length);
  return { names, name: name.all, template: template.all, medium: medium.all, file };
}

/** Reads `…_name_5pts_score.txt`: a name, ten coordinates, and the score of the detector; the scores of faces, by the numbers of their names. */
export function readScores(directory: string, meta: string, faces: Faces): Float64Array {
  const file = theFile(listFile(directory, meta), "_name_5pts_score.txt");
  const scores = new Float64Array(faces.names.count).fill(Number.NaN);
  eachLine(file, (bytes, start, end, line) => {
    const words = wordsOf(bytes, start, end);
    if (words.length !== 12)
      refuseColumns(file, line, words.length, "a name, five points and a score: 12 columns");
    const number = faces.names.numberOf(words[0]!);
    if (number === undefined) return;
    // As float32, which the field's scripts read them as.
    const score = Math.fround(Number(words[11]));
    if (!Number.isFinite(score) || score < 0)
      throw experimentError("ijb-lists.score", { file: file.shown, line, found: words[11]! });
    scores[number] = score;
  });
  const missing = scores.findIndex((score) => Number.isNaN(score));
  if (missing >= 0)
    throw experimentError("ijb-lists.no-score", {
      file: file.shown,
      ...faces.names.firstAt(missing),
      of: faces.file.shown,
    });
  return scores;
}

/** Templates by their numbers: which row each has. */
export class TemplateRows {
  private readonly rows = new Map<number, number>();

  constructor(private readonly faces: Faces) {
    for (const template of faces.template)
      if (!this.rows.has(template)) this.rows.set(template, this.rows.size);
  }

  get count(): number {
    return this.rows.size;
  }

  /** The row of a template that a line names. Throws F2C2519 where it has no image. */
  rowOf(template: number, file: ListFile, line: number): number {
    const row = this.rows.get(template);
    if (row !== undefined) return row;
    throw experimentError("ijb-lists.no-images", {
      file: file.shown,
      line,
      template,
      of: this.faces.file.shown,
    });
  }
}

export interface TemplatePairs {
  /** Rows of templates, two a pair. */
  readonly positions: Int32Array;
  readonly same: Uint8Array;
}

/** Reads `…_template_pair_label.txt`: `template template 1` (one person) or `0` a line. */
export function readTemplatePairs(directory: string, meta: string, rows: TemplateRows): TemplatePairs {
  const file = theFile(listFile(directory, meta), "_template_pair_label.txt");
  const [positions, same] = [new Growing(), new Growing(Uint8Array)];
  const numbers = new Int32Array(3);
  eachLine(file, (bytes, start, end, line) => {
    const columns = wholeNumbers(bytes, start, end, numbers);
    if (columns !== 3)
      refuseColumns(file, line, columns, "`template template 1` for one person, `0` for two");
    for (let i = 0; i < 2; i++) {
      if (numbers[i]! < 0) refuseNumber(file, line, "a template", wordsOf(bytes, start, end)[i]!);
      positions.push(rows.rowOf(numbers[i]!, file, line));
    }
    if (numbers[2] !== 0 && numbers[2] !== 1)
      throw experimentError("bad-list-line.label", {
        file: file.shown,
        line,
        found: wordsOf(bytes, start, end)[2]!,
      });
    same.push(numbers[2]!);
  });
  if (same.length === 0) throw experimentError("bad-list-line.none", { file: file.shown });
  refuseCut(file, "pairs", same.length);
  return { positions: positions.all, same: same.all };
}

/** Templates of a gallery or of probes, each once, and whom each shows. */
export interface Subjects {
  readonly file: ListFile;
  /** Rows of templates, in the order in which they are listed first. */
  readonly rows: Int32Array;
  readonly subjects: Int32Array;
  /** The line that lists each first. */
  readonly lines: Int32Array;
}

/** The galleries, `…_1N_gallery_G1.csv` and the like, and the probes, `…_1N_probe_mixed.csv`. */
export function readOneToMany(directory: string, meta: string, rows: TemplateRows) {
  const folder = listFile(directory, meta);
  const galleries = filesEnding(folder, /_1N_gallery_[^_]+\.csv$/i);
  if (galleries.length === 0)
    throw experimentError("ijb-lists.no-file", { folder: folder.shown, ends: "_1N_gallery_G1.csv" });
  const probes = theFile(folder, "_1N_probe_mixed.csv");
  return {
    galleries: galleries.map((file) => readGallery(file, rows)),
    probes: readSubjects(probes, rows),
  };
}

/** Nobody is enrolled by two templates: which of them were the mate? */
function readGallery(file: ListFile, rows: TemplateRows): Subjects {
  const gallery = readSubjects(file, rows);
  const lines = new Map<number, number>();
  for (const [i, subject] of gallery.subjects.entries()) {
    const before = lines.get(subject);
    const line = gallery.lines[i]!;
    if (before !== undefined)
      throw experimentError("ijb-lists.enrolled-twice", { file: file.shown, line, subject, before });
    lines.set(subject, line);
  }
  return gallery;
}

/** A line an image: a template comes as often as it has images, and counts once. With a header, in which TEMPLATE_ID and SUBJECT_ID stand anywhere, or without: then they come first. */
function readSubjects(file: ListFile, rows: TemplateRows): Subjects {
  const subjectOf = new Map<number, number>();
  const [found, subjects, lines] = [new Growing(), new Growing(), new Growing()];
  let [ofTemplate, ofSubject, first] = [0, 1, true];
  eachLine(file, (bytes, start, end, line) => {
    const columns = bytes.toString("utf8", start, end).split(",");
    if (first) {
      first = false;
      const named = columns.map((name) => name.trim().toUpperCase());
      const places = [named.indexOf("TEMPLATE_ID"), named.indexOf("SUBJECT_ID")];
      if (places.every((place) => place >= 0)) {
        [ofTemplate, ofSubject] = places as [number, number];
        return;
      }
      if (!/^\s*\d/.test(columns[0]!)) throw experimentError("ijb-lists.header", { file: file.shown, line });
    }
    if (columns.length <= Math.max(ofTemplate, ofSubject))
      refuseColumns(file, line, columns.length, "TEMPLATE_ID and SUBJECT_ID, with commas between columns");
    const template = numberIn(file, line, "TEMPLATE_ID", columns[ofTemplate]!.trim());
    const subject = numberIn(file, line, "SUBJECT_ID", columns[ofSubject]!.trim());
    const before = subjectOf.get(template);
    if (before === undefined) {
      subjectOf.set(template, subject);
      found.push(rows.rowOf(template, file, line));
      subjects.push(subject);
      lines.push(line);
    } else if (before !== subject)
      throw experimentError("ijb-lists.two-subjects", { file: file.shown, line, template, subject, before });
  });
  if (found.length === 0) throw experimentError("bad-list-line.none", { file: file.shown });
  return { file, rows: found.all, subjects: subjects.all, lines: lines.all };
}

function refuseColumns(file: ListFile, line: number, found: number, wanted: string): never {
  throw experimentError("bad-list-line.columns", { file: file.shown, line, found, wanted });
}

function refuseNumber(file: ListFile, line: number, what: string, found: string): never {
  throw experimentError("bad-list-line.number", { file: file.shown, line, what, found, least: 0 });
}

function numberIn(file: ListFile, line: number, what: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : -1;
  return value >= 0 && value <= 0x7fff_ffff ? value : refuseNumber(file, line, what, text);
}
