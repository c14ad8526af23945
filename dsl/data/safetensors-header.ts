/** @file The beginning of a safetensors file: 8 bytes (LE) with the header's length, then the header, JSON. huggingface.co/docs/safetensors */
import { readSync } from "node:fs";

/** Where a tensor lies. Offsets count from the end of the header. */
export interface Section<DType extends string = string> {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

export interface Header {
  readonly sections: Readonly<Record<string, Section>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Where in the file the data begin. */
  readonly start: number;
}

const LENGTH = 8;
const LONGEST = 1 << 24;

/** Sections that follow each other, of arrays in their order. */
export function sectionsOf<DType extends string>(
  arrays: Readonly<
    Record<string, { readonly dtype: DType; readonly shape: readonly number[]; readonly bytes: number }>
  >,
): Readonly<Record<string, Section<DType>>> {
  let offset = 0;
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { dtype, shape, bytes }]) => {
      const begin = offset;
      offset += bytes;
      return [name, { dtype, shape, data_offsets: [begin, offset] as const }];
    }),
  );
}

/** The bytes before the data: as few as there can be, so that those lie at a multiple of 8; or `room` of them. */
export function headerBytes(
  sections: Readonly<Record<string, Section>>,
  { metadata, room }: { metadata?: Readonly<Record<string, string>>; room?: number } = {},
): Buffer {
  const header = Buffer.from(JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...sections }));
  const size = room ?? LENGTH + header.length + (-header.length & 7);
  if (LENGTH + header.length > size)
    throw new Error(`internal: a header of ${header.length} bytes has no room`);
  const bytes = Buffer.alloc(size, " ");
  bytes.writeBigUInt64LE(BigInt(size - LENGTH));
  header.copy(bytes, LENGTH);
  return bytes;
}

/** Reads the header of an open file. Throws a plain Error where it has none. */
export function readHeader(file: number): Header {
  const length = bytesAt(file, 0, LENGTH).readBigUInt64LE();
  if (length > LONGEST) throw new Error("it has no header");
  const size = Number(length);
  const { __metadata__: metadata = {}, ...sections } = JSON.parse(
    bytesAt(file, LENGTH, size).toString(),
  ) as Record<string, Section> & { __metadata__?: Record<string, string> };
  return { sections, metadata, start: LENGTH + size };
}

/** Some bytes of an open file, in memory of their own. Throws a plain Error where it ends before. */
export function bytesAt(file: number, position: number, length: number): Buffer {
  const data = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length; ) {
    const got = readSync(file, data, done, Math.min(length - done, 1 << 30), position + done);
    if (got === 0) throw new Error("it is cut off");
    done += got;
  }
  return data;
}
