/** @file Safetensors files of small arrays. */
import { closeSync, openSync } from "node:fs";
import { bytesAt, headerBytes, readHeader, sectionsOf } from "../../dsl/data/safetensors-header.js";
import type { Left } from "../../dsl/index.js";
import { type Written, writeHashed } from "./files.js";

type Stored = NonNullable<Left["arrays"]>[string];
const KINDS = {
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
  F32: Float32Array,
  F64: Float64Array,
} as const;
type Kind = keyof typeof KINDS;

const kindOf = (data: Stored): Kind =>
  (Object.keys(KINDS) as Kind[]).find((kind) => data instanceof KINDS[kind])!;

/** Writes arrays by name; flushed to disk when it returns. */
export function writeSafetensors(path: string, arrays: Readonly<Record<string, Stored>>): Written {
  const parts = Object.entries(arrays).map(
    ([name, data]) => [name, { dtype: kindOf(data), shape: [data.length], bytes: data.byteLength }] as const,
  );
  return writeHashed(path, [
    headerBytes(sectionsOf(Object.fromEntries(parts))),
    ...Object.values(arrays).map((d) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength)),
  ]);
}

/** Reads what `writeSafetensors` wrote. Throws a plain Error that says what is wrong with the file. */
export function readSafetensors(path: string): Record<string, Stored> {
  const file = openSync(path, "r");
  try {
    const { sections, start } = readHeader(file);
    const read = ([name, { dtype, shape, data_offsets }]: [string, (typeof sections)[string]]) => {
      const [from, to] = data_offsets;
      const Kind = KINDS[dtype as Kind];
      if (!Kind || shape.length !== 1 || shape[0]! * Kind.BYTES_PER_ELEMENT !== to - from)
        throw new Error(`array ${name} is damaged`);
      return [name, new Kind(bytesAt(file, start + from, to - from).buffer as ArrayBuffer)] as const;
    };
    return Object.fromEntries(Object.entries(sections).map(read));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  } finally {
    closeSync(file);
  }
}
