/** @file Messages of protocol `f2c/2` to frames and back. No input or output here; docs/protocol.md is the authority. */
import { Packr } from "msgpackr";
import { bridgeError } from "./bridge-error.js";

export type WireArray = Int32Array | Uint8Array | Float32Array | Float64Array | BigInt64Array;
export type WireDtype = "u8" | "bool" | "i32" | "i64" | "f32" | "f64";

/** Data of a message that travels beside it, never inside. */
export interface WireBuffer {
  readonly dtype: WireDtype;
  readonly shape: readonly number[];
  readonly data: WireArray;
}

export interface Message {
  readonly kind: string;
  readonly id?: number | undefined;
  readonly re?: number | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  readonly buffers: Readonly<Record<string, WireBuffer>>;
}

// Records and msgpackr's own types are not MessagePack; an `undefined` would become an extension.
const packr = new Packr({
  useRecords: false,
  encodeUndefinedAsNil: true,
  moreTypes: false,
  int64AsType: "number",
});

const BYTES: Record<WireDtype, number> = { u8: 1, bool: 1, i32: 4, i64: 8, f32: 4, f64: 8 };

/** A one-dimensional buffer; a Uint8Array is a mask. */
export function vector(data: Int32Array | Uint8Array | Float32Array | Float64Array): WireBuffer {
  const dtype =
    data instanceof Int32Array
      ? "i32"
      : data instanceof Uint8Array
        ? "bool"
        : data instanceof Float32Array
          ? "f32"
          : "f64";
  return { dtype, shape: [data.length], data };
}

/** A message as frames: head, body, buffers. */
export function encode(message: Message): Buffer[] {
  const names = Object.keys(message.buffers);
  const head: Record<string, unknown> = { kind: message.kind };
  if (message.id !== undefined) head.id = message.id;
  if (message.re !== undefined) head.re = message.re;
  if (names.length)
    head.buffers = names.map((name) => ({
      name,
      dtype: message.buffers[name]!.dtype,
      shape: message.buffers[name]!.shape,
    }));
  refuseData(message.body, message.kind);
  const frames = [pack(head), pack(message.body)];
  for (const name of names) {
    const { dtype, shape, data } = message.buffers[name]!;
    const expected = shape.reduce((n, d) => n * d, BYTES[dtype]);
    if (data.byteLength !== expected)
      throw new Error(
        `internal: buffer ${name} of ${message.kind} has ${data.byteLength} bytes, not ${expected}`,
      );
    frames.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return frames;
}

// msgpackr reuses its output buffer, and ZeroMQ sends later.
const pack = (value: unknown): Buffer => Buffer.from(packr.pack(value));

function refuseData(value: unknown, where: string): void {
  if (ArrayBuffer.isView(value) || typeof value === "function" || typeof value === "bigint")
    throw new Error(`internal: ${where} holds data inside its body`);
  if (typeof value === "object" && value !== null)
    for (const [name, inner] of Object.entries(value)) refuseData(inner, `${where}.${name}`);
}

/** Frames as a message. Throws a BridgeError F2C6005 for what is not of the protocol. */
export function decode(frames: readonly Buffer[]): Message {
  const read = (frame: Buffer | undefined): Record<string, unknown> => {
    try {
      const value: unknown = frame && packr.unpack(frame);
      if (typeof value === "object" && value !== null && !Array.isArray(value))
        return value as Record<string, unknown>;
    } catch {
      // falls through
    }
    throw bridgeError("versions-differ.frame", "fault", {});
  };
  const head = read(frames[0]);
  const body = read(frames[1]);
  const { kind, id, re } = head;
  if (typeof kind !== "string") throw bridgeError("versions-differ.kind", "fault", {});
  const described = (head.buffers ?? []) as { name: string; dtype: WireDtype; shape: number[] }[];
  if (described.length !== frames.length - 2)
    throw bridgeError("versions-differ.buffers", "fault", {
      sent: frames.length - 2,
      described: described.length,
    });
  const buffers: Record<string, WireBuffer> = {};
  described.forEach(({ name, dtype, shape }, i) => {
    const frame = frames[i + 2]!;
    if (!(dtype in BYTES) || frame.byteLength !== shape.reduce((n, d) => n * d, BYTES[dtype]))
      throw bridgeError("versions-differ.buffer", "fault", { name });
    buffers[name] = { dtype, shape, data: view(dtype, frame) };
  });
  return { kind, id: id as number | undefined, re: re as number | undefined, body, buffers };
}

function view(dtype: WireDtype, frame: Buffer): WireArray {
  const bytes = new Uint8Array(frame).buffer; // a copy, so that it is aligned
  switch (dtype) {
    case "u8":
    case "bool":
      return new Uint8Array(bytes);
    case "i32":
      return new Int32Array(bytes);
    case "i64":
      return new BigInt64Array(bytes);
    case "f32":
      return new Float32Array(bytes);
    case "f64":
      return new Float64Array(bytes);
  }
}
