/** @file Safetensors files of small arrays: 8 bytes of header length, a JSON header, the data. huggingface.co/docs/safetensors */
import { readFileSync } from "node:fs";
import { type Written, writeHashed } from "./files.js";

type Stored = Int32Array | Uint32Array | Uint8Array | Float64Array;
const KINDS = { I32: Int32Array, U32: Uint32Array, U8: Uint8Array, F64: Float64Array } as const;
type Kind = keyof typeof KINDS;

const kindOf = (data: Stored): Kind =>
  data instanceof Int32Array
    ? "I32"
    : data instanceof Uint32Array
      ? "U32"
      : data instanceof Uint8Array
        ? "U8"
        : "F64";

/** Writes arrays by name; flushed to disk when it returns. */
export function writeSafetensors(path: string, arrays: Readonly<Record<string, Stored>>): Written {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const [name, data] of Object.entries(arrays)) {
    header[name] = {
      dtype: kindOf(data),
      shape: [data.length],
      data_offsets: [offset, offset + data.byteLength],
    };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text + " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.byteLength));
  return writeHashed(path, [
    length,
    padded,
    ...Object.values(arrays).map((d) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength)),
  ]);
}

/** Reads what `writeSafetensors` wrote. Throws a plain Error that says what is wrong with the file. */
export function readSafetensors(path: string): Record<string, Stored> {
  const bytes = readFileSync(path);
  const length = bytes.byteLength >= 8 ? Number(bytes.readBigUInt64LE(0)) : Number.POSITIVE_INFINITY;
  if (8 + length > bytes.byteLength) throw new Error(`${path} is truncated`);
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<
    string,
    { dtype: Kind; shape: number[]; data_offsets: [number, number] }
  >;
  const arrays: Record<string, Stored> = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    const [from, to] = data_offsets;
    const Kind = KINDS[dtype];
    const data = bytes.subarray(8 + length + from, 8 + length + to);
    if (
      !Kind ||
      data.byteLength !== to - from ||
      shape.length !== 1 ||
      shape[0]! * Kind.BYTES_PER_ELEMENT !== data.byteLength
    )
      throw new Error(`${path}: array ${name} is damaged`);
    arrays[name] = new Kind(new Uint8Array(data).buffer);
  }
  return arrays;
}
