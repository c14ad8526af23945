/**
 * @file A matrix of embeddings with a name a row, for others to read: one safetensors file, or `.npy` with the names in a text beside it. Rows
 * come a few at a time and are never held; the file is whole or absent.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { headerBytes, sectionsOf } from "../../dsl/data/safetensors-header.js";
import type { Names } from "../../dsl/index.js";
import { flushFolder, naming } from "./files.js";

const FLOAT = 4;
/** Names that are in memory at a time. */
const BLOCK = 1 << 16;

/** What a matrix is of. */
export interface MatrixShape {
  readonly rows: number;
  readonly columns: number;
  readonly names: Names;
  /** Who it is, of each row. */
  readonly identities: Int32Array;
  /** What is to be said of it, in a format that can hold it. */
  readonly about: Readonly<Record<string, string>>;
}

/** How one format is written: what stands before the rows, what behind them, and what lies beside the file. */
interface Format {
  head(shape: MatrixShape): Buffer;
  tail(shape: MatrixShape): Iterable<Uint8Array>;
  beside(path: string): Readonly<Record<string, (shape: MatrixShape) => Iterable<Uint8Array>>>;
}

/** `embeddings` f32 [N, D], `identities` i32 [N], `names` u8: the names in UTF-8 with line feeds between. */
const SAFETENSORS: Format = {
  head: ({ rows, columns, names, about }) => {
    const text = bytesOf(textOf(names));
    const sections = sectionsOf({
      embeddings: { dtype: "F32", shape: [rows, columns], bytes: rows * columns * FLOAT },
      identities: { dtype: "I32", shape: [rows], bytes: rows * FLOAT },
      names: { dtype: "U8", shape: [text], bytes: text },
    });
    return headerBytes(sections, { metadata: about });
  },
  *tail({ identities, names }) {
    yield new Uint8Array(identities.buffer, identities.byteOffset, identities.byteLength);
    yield* textOf(names);
  },
  beside: () => ({}),
};

/** Version 1.0 of numpy's format: a header in ASCII, with as many spaces that the data begin at a multiple of 64. */
const NPY: Format = {
  head: ({ rows, columns }) => {
    const facts = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
    const before = 10;
    const padding = " ".repeat((64 - ((before + facts.length + 1) % 64)) % 64);
    const header = Buffer.from(`${facts}${padding}\n`, "latin1");
    const start = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, 0, 0]);
    start.writeUInt16LE(header.length, 8);
    return Buffer.concat([start, header]);
  },
  tail: () => [],
  beside: (path) => ({ [namesBeside(path)]: ({ names }) => textOf(names) }),
};

/** Formats by what a file's name ends in. */
export const MATRIX_FORMATS: Readonly<Record<string, Format>> = { ".safetensors": SAFETENSORS, ".npy": NPY };

/** Where the names of a `.npy` lie. */
export const namesBeside = (path: string): string => path.replace(/\.npy$/, ".names.txt");

export class MatrixFile {
  private readonly file: number;
  private readonly format: Format;
  private written = 0;

  /** `path` ends as one of the formats. */
  constructor(
    private readonly path: string,
    private readonly shape: MatrixShape,
  ) {
    this.format = MATRIX_FORMATS[Object.keys(MATRIX_FORMATS).find((ending) => path.endsWith(ending))!]!;
    this.file = openSync(this.partial, "w");
    this.write([this.format.head(shape)]);
  }

  private get partial(): string {
    return `${this.path}.partial`;
  }

  /** Adds whole rows. */
  append(rows: Float32Array): void {
    this.write([new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength)]);
    this.written += rows.length / this.shape.columns;
  }

  /** All rows are there: the files get their names. Returns their paths. */
  finish(): readonly string[] {
    const { rows } = this.shape;
    if (this.written !== rows) throw new Error(`internal: ${this.written} of ${rows} rows were written`);
    this.write(this.format.tail(this.shape));
    naming(this.partial, () => fsyncSync(this.file));
    closeSync(this.file);
    const beside = Object.entries(this.format.beside(this.path));
    for (const [path, parts] of beside) writeParts(path, parts(this.shape));
    renameSync(this.partial, this.path);
    flushFolder(dirname(this.path));
    return [this.path, ...beside.map(([path]) => path)];
  }

  /** The work broke off: nothing stays. */
  discard(): void {
    closeSync(this.file);
    rmSync(this.partial, { force: true });
  }

  private write(parts: Iterable<Uint8Array>): void {
    naming(this.partial, () => writeAll(this.file, parts));
  }
}

/** Names with line feeds between, in UTF-8; a line feed within one is written as `\n`. */
function* textOf(names: Names): Generator<Uint8Array> {
  for (let first = 0; first < names.length; first += BLOCK) {
    const block = names.slice(first, Math.min(names.length, first + BLOCK));
    const lines = block.map((name) => name.replaceAll("\n", "\\n")).join("\n");
    yield Buffer.from(first === 0 ? lines : `\n${lines}`);
  }
}

const bytesOf = (parts: Iterable<Uint8Array>): number => {
  let bytes = 0;
  for (const part of parts) bytes += part.byteLength;
  return bytes;
};

function writeParts(path: string, parts: Iterable<Uint8Array>): void {
  const file = openSync(`${path}.partial`, "w");
  try {
    naming(path, () => {
      writeAll(file, parts);
      fsyncSync(file);
    });
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.partial`, path);
}

function writeAll(file: number, parts: Iterable<Uint8Array>): void {
  for (const part of parts)
    for (let at = 0; at < part.byteLength; ) at += writeSync(file, part, at, part.byteLength - at);
}
