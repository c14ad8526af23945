/**
 * @file A matrix in a safetensors file that is written a few rows at a time, and goes on after it broke off. Beside the file, while it
 * is not whole, lie its beginning (`.partial`) and how many rows of that are known to be on the disk (`.rows.json`).
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { headerBytes, sectionsOf } from "../../dsl/data/safetensors-header.js";
import { flushFolder, hashOf, naming, type Written, writeWhole } from "./files.js";

const FLOAT = 4;
/** Bytes that are written between two looks at the disk: what a crash can cost. */
export const PIECE = 8 << 20;

export interface RowsShape {
  /** The name of the matrix. */
  readonly tensor: string;
  readonly rows: number;
  readonly columns: number;
  /** Arrays that stand before it. */
  readonly before: Readonly<Record<string, Int32Array>>;
}

export class RowsFile {
  private readonly file: number;
  private written: number;
  private flushed: number;

  /** Begins the file, or goes on with what is there of it. */
  constructor(
    private readonly path: string,
    private readonly shape: RowsShape,
    private readonly piece = PIECE,
  ) {
    const head = headOf(shape);
    this.flushed = rowsThere(path, head, shape);
    this.written = this.flushed;
    this.file = openSync(this.partial, this.flushed > 0 ? "r+" : "w+");
    this.whole(() => {
      if (this.flushed === 0) writeAll(this.file, head, 0);
      ftruncateSync(this.file, head.byteLength + this.flushed * shape.columns * FLOAT);
    });
    this.headBytes = head.byteLength;
  }
  private readonly headBytes: number;

  private get partial(): string {
    return `${this.path}.partial`;
  }

  /** Rows that are there. */
  get count(): number {
    return this.written;
  }

  /** Adds whole rows. */
  append(rows: Float32Array): void {
    const at = this.headBytes + this.written * this.shape.columns * FLOAT;
    this.whole(() => writeAll(this.file, new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength), at));
    this.written += rows.length / this.shape.columns;
    if ((this.written - this.flushed) * this.shape.columns * FLOAT >= this.piece) this.flush();
  }

  /** What is there is on the disk, and is not made again. */
  flush(): void {
    if (this.written === this.flushed) return;
    this.whole(() => fsyncSync(this.file));
    writeWhole(countOf(this.path), `${JSON.stringify({ rows: this.written })}\n`);
    this.flushed = this.written;
  }

  /** All rows are there: the file gets its name. */
  finish(): Written {
    this.flush();
    closeSync(this.file);
    const written = hashOf(this.partial);
    renameSync(this.partial, this.path);
    flushFolder(dirname(this.path));
    rmSync(countOf(this.path), { force: true });
    return written;
  }

  close(): void {
    closeSync(this.file);
  }

  private whole(work: () => void): void {
    naming(this.partial, work);
  }
}

const countOf = (path: string) => `${path}.rows.json`;

/** The header, and what stands before the matrix. */
function headOf({ tensor, rows, columns, before }: RowsShape): Buffer {
  const sections = sectionsOf({
    ...Object.fromEntries(
      Object.entries(before).map(([name, data]) => [
        name,
        { dtype: "I32", shape: [data.length], bytes: data.byteLength },
      ]),
    ),
    [tensor]: { dtype: "F32", shape: [rows, columns], bytes: rows * columns * FLOAT },
  });
  const data = Object.values(before).map((d) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength));
  return Buffer.concat([headerBytes(sections), ...data]);
}

/** How many rows of what lies there are whole: none if it is the beginning of another file. */
function rowsThere(path: string, head: Buffer, { rows, columns }: RowsShape): number {
  try {
    const { rows: known } = JSON.parse(readFileSync(countOf(path), "utf8")) as { rows: unknown };
    if (typeof known !== "number" || !Number.isInteger(known) || known < 0 || known > rows) return 0;
    const partial = `${path}.partial`;
    if (!existsSync(partial)) return 0;
    const found = Buffer.alloc(head.byteLength);
    const file = openSync(partial, "r");
    try {
      readSync(file, found, 0, found.byteLength, 0);
      const last = Buffer.alloc(1);
      const end = head.byteLength + known * columns * FLOAT;
      const long = readSync(file, last, 0, 1, end - 1) === 1;
      return found.equals(head) && long ? known : 0;
    } finally {
      closeSync(file);
    }
  } catch {
    return 0; // it is made anew
  }
}

function writeAll(file: number, data: Uint8Array, position: number): void {
  for (let at = 0; at < data.byteLength; )
    at += writeSync(file, data, at, data.byteLength - at, position + at);
}
