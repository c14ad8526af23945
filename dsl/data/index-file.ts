/**
 * @file The index of a data source: which identities it has, which images are whose, and what each is called. Made once, then
 * read in parts: Node reads where identities begin, the host maps the file, and nobody holds millions of names.
 *
 * It is a safetensors file (huggingface.co/docs/safetensors), so that others can look into it:
 *
 *     names u8, nameEnds i64 [N + 1]            names of images, one after the other, and where each ends; the first end is 0
 *     identities u8, identityEnds i64 [I + 1]   likewise of identities
 *     folders u8, folderEnds i64 [F + 1]        likewise of the folders that were looked into, and what each one's
 *     folderTimes i64 [F]                       last change was, in nanoseconds; 0 where it may have changed since unnoticed
 *     offsets i32 [I + 1]                       first image of each identity, and the number of images at the end
 *
 * Names are bytes: those on a disk need not be text. Of files that hold many images the host makes the index, with more in it
 * (python-host, scan/index_builder.py).
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { Names } from "../method/source.js";
import { labelOf } from "../plan/identity-stream.js";
import { shownName, shownPath } from "./folder-entries.js";
import { bytesAt, headerBytes, readHeader, type Section } from "./safetensors-header.js";

const KIND = "f2c index";
const VERSION = "1";
/** Room for the header, which is known last and stands first. */
const HEADER = 1 << 16;
const PIECE = 1 << 20;

/** Numbers that grow in number. */
class Growing {
  private data = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.data.length) {
      const wider = new Float64Array(2 * this.length);
      wider.set(this.data);
      this.data = wider;
    }
    this.data[this.length++] = value;
  }

  values(): Float64Array {
    return this.data.subarray(0, this.length);
  }
}

/** Whole numbers up to 2^53 as i64. */
function int64(values: Float64Array): Buffer {
  const words = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i]! >>> 0;
    words[2 * i + 1] = Math.floor(values[i]! / 0x1_0000_0000);
  }
  return Buffer.from(words.buffer);
}

/** Writes an index as it is found: names of images go to the file at once, the rest is small beside them. */
export class IndexWriter {
  private readonly file: number;
  private readonly unfinished: string;
  private at = HEADER;
  private piece: Buffer[] = [];
  private waiting = 0;
  private written = 0;
  private readonly nameEnds = new Growing();
  private readonly identityEnds = new Growing();
  private readonly identities: Buffer[] = [];
  private identityBytes = 0;
  private readonly offsets = new Growing();
  private readonly folders: Buffer[] = [];
  private readonly folderEnds = new Growing();
  private folderBytes = 0;
  private readonly times: bigint[] = [];
  private readonly sections: Record<string, Section> = {};
  /** Of identities and images: a folder that is scanned again as it was has the same index, whatever was opened with the one before. */
  private readonly contents = createHash("sha256");

  constructor(private readonly path: string) {
    this.unfinished = `${path}.${process.pid}.tmp`;
    this.file = openSync(this.unfinished, "w", 0o600);
    for (const ends of [this.nameEnds, this.identityEnds, this.folderEnds]) ends.push(0);
    this.offsets.push(0);
  }

  get images(): number {
    return this.nameEnds.length - 1;
  }

  get people(): number {
    return this.offsets.length - 1;
  }

  /** An identity, and its images by their names below it. */
  identity(name: Buffer, images: readonly Buffer[]): void {
    this.identities.push(name);
    this.identityBytes += name.length;
    this.identityEnds.push(this.identityBytes);
    for (const image of images) {
      this.piece.push(image);
      this.waiting += image.length;
      this.nameEnds.push(this.written + this.waiting);
      if (this.waiting >= PIECE) this.flush();
    }
    this.offsets.push(this.images);
  }

  /** A folder that was looked into; `changed` in nanoseconds. */
  folder(name: Buffer, changed: bigint): void {
    this.folders.push(name);
    this.folderBytes += name.length;
    this.folderEnds.push(this.folderBytes);
    this.times.push(changed);
  }

  private flush(): void {
    const names = Buffer.concat(this.piece);
    this.contents.update(names);
    this.put(names);
    this.written += this.waiting;
    this.piece = [];
    this.waiting = 0;
  }

  private put(data: Uint8Array): void {
    let done = 0;
    while (done < data.length) done += writeSync(this.file, data, done, data.length - done, this.at + done);
    this.at += data.length;
  }

  private section(name: string, dtype: "U8" | "I32" | "I64", count: number, data: Uint8Array): void {
    const start = this.at - HEADER;
    this.put(data);
    this.sections[name] = { dtype, shape: [count], data_offsets: [start, this.at - HEADER] };
  }

  /** Numbers lie at multiples of their size. */
  private bytes(name: string, parts: readonly Buffer[]): void {
    const all = Buffer.concat(parts);
    const padded = Buffer.concat([all, Buffer.alloc(-all.length & 7)]);
    this.section(name, "U8", padded.length, padded);
  }

  /** Puts the file in place, whole. `facts` are what it was made of, and what it tells. */
  finish(facts: Readonly<Record<string, string>>): void {
    this.flush();
    const names = -this.written & 7;
    this.put(Buffer.alloc(names));
    this.sections.names = {
      dtype: "U8",
      shape: [this.written + names],
      data_offsets: [0, this.at - HEADER],
    };
    const [nameEnds, identityEnds] = [int64(this.nameEnds.values()), int64(this.identityEnds.values())];
    this.section("nameEnds", "I64", this.nameEnds.length, nameEnds);
    this.section("identityEnds", "I64", this.identityEnds.length, identityEnds);
    this.section("folderEnds", "I64", this.folderEnds.length, int64(this.folderEnds.values()));
    const times = BigInt64Array.from(this.times);
    this.section("folderTimes", "I64", times.length, Buffer.from(times.buffer));
    this.bytes("identities", this.identities);
    this.bytes("folders", this.folders);
    const offsets = Int32Array.from(this.offsets.values());
    this.section("offsets", "I32", offsets.length, Buffer.from(offsets.buffer));
    for (const part of [nameEnds, identityEnds, Buffer.concat(this.identities), offsets])
      this.contents.update(part);
    const id = this.contents.digest("hex").slice(0, 32);
    const metadata = { ...facts, kind: KIND, version: VERSION, id };
    this.at = 0;
    this.put(headerBytes(this.sections, { metadata, room: HEADER }));
    fsyncSync(this.file);
    closeSync(this.file);
    renameSync(this.unfinished, this.path);
  }

  /** Leaves nothing behind. */
  abandon(): void {
    closeSync(this.file);
    rmSync(this.unfinished, { force: true });
  }
}

/** An index, open. */
export class ImageIndex {
  /** First image of each identity, and the number of images at the end. */
  readonly offsets: Int32Array;
  /** Names of identities, as they are shown. */
  readonly identities: Names;

  private constructor(
    readonly path: string,
    private readonly file: number,
    readonly facts: Readonly<Record<string, string>>,
    private readonly sections: Readonly<Record<string, Section>>,
    private readonly start: number,
  ) {
    const offsets = this.read("offsets", 0, 4 * this.sections.offsets!.shape[0]!);
    this.offsets = new Int32Array(offsets.buffer, offsets.byteOffset, offsets.length / 4);
    this.identities = {
      length: this.offsets.length - 1,
      slice: (first, end) => this.named("identities", "identityEnds", first, end).map(shownName),
    };
  }

  /** Opens an index. Throws where it is none, or of another version. */
  static open(path: string): ImageIndex {
    const file = openSync(path, "r");
    try {
      const { sections, metadata, start } = readHeader(file);
      if (metadata.kind !== KIND || metadata.version !== VERSION) throw new Error("it is of another kind");
      return new ImageIndex(path, file, metadata, sections, start);
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  /** The index that is kept at a path, if it can be read and `isCurrent` says, without throwing, that it still holds. */
  static kept(path: string, isCurrent: (index: ImageIndex) => boolean): ImageIndex | undefined {
    let index: ImageIndex;
    try {
      index = ImageIndex.open(path);
    } catch {
      return undefined;
    }
    try {
      if (isCurrent(index)) return index;
    } catch {
      // It is cut off, or what it was made of is gone: it is made anew, and then said.
    }
    index.close();
    return undefined;
  }

  get id(): string {
    return this.facts.id!;
  }

  get images(): number {
    return this.offsets.at(-1)!;
  }

  /** Names of images, below the root, as they are shown. */
  names(first: number, end: number): readonly string[] {
    const names = this.ownNames(first, end);
    if (this.facts.paths === "whole") return names;
    let identity = labelOf(this.offsets, first);
    let owner = this.identities.slice(identity, identity + 1)[0] ?? "";
    return names.map((name, i) => {
      while (this.offsets[identity + 1]! <= first + i)
        owner = this.identities.slice(++identity, identity + 1)[0]!;
      return owner === "" ? name : `${owner}/${name}`;
    });
  }

  private ownNames(first: number, end: number): readonly string[] {
    if (!this.sections.keys) return this.named("names", "nameEnds", first, end).map(shownPath);
    const keys = this.read("keys", 8 * first, 8 * (end - first));
    return Array.from({ length: end - first }, (_, i) => String(keys.readBigInt64LE(8 * i)));
  }

  /** Of some identities, eight bytes each that tell the names of its images from others; nothing in an index without. */
  digests(first: number, end: number): Uint8Array | undefined {
    return this.sections.digests && this.read("digests", 8 * first, 8 * (end - first));
  }

  /** What else the source says, whole; nothing where it says no such thing. */
  array(name: string): Buffer | undefined {
    const section = this.sections[name];
    return section && this.read(name, 0, section.data_offsets[1] - section.data_offsets[0]);
  }

  /** The folders that were looked into, and when each one changed last. */
  folders(): { readonly names: readonly Buffer[]; readonly times: BigInt64Array } {
    const count = this.sections.folderTimes!.shape[0]!;
    const times = this.read("folderTimes", 0, 8 * count);
    return {
      names: this.named("folders", "folderEnds", 0, count),
      times: new BigInt64Array(times.buffer, times.byteOffset, count),
    };
  }

  close(): void {
    closeSync(this.file);
  }

  private named(section: string, ends: string, first: number, end: number): Buffer[] {
    const bounds = this.read(ends, 8 * first, 8 * (end - first + 1));
    const at = (i: number) => Number(bounds.readBigInt64LE(8 * i));
    const base = at(0);
    const data = this.read(section, base, at(end - first) - base);
    return Array.from({ length: end - first }, (_, i) => data.subarray(at(i) - base, at(i + 1) - base));
  }

  /** Some bytes of a section, in memory of their own. */
  private read(section: string, from: number, length: number): Buffer {
    return bytesAt(this.file, this.start + this.sections[section]!.data_offsets[0] + from, length);
  }
}

/** A name for the index of something: a hash of what it is made of. */
export const indexName = (madeOf: readonly string[]): string =>
  `${createHash("sha256").update(JSON.stringify(madeOf)).digest("hex").slice(0, 32)}.index`;
