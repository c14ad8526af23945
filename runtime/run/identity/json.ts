/** @file What an identity is written in: plain JSON, small. */
import { createHash } from "node:crypto";
import { descriptionOf } from "../../../dsl/index.js";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type JsonRecord = { readonly [name: string]: Json };

export const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Eight digits of a hash: enough to tell two of a few from each other. */
export const shortHash = (data: string | ArrayBufferView): string =>
  createHash("sha256")
    .update(data as string | NodeJS.ArrayBufferView)
    .digest("hex")
    .slice(0, 8);

/** Stands for a function or an object of the user's: what it does is compared, see `functions` and `samples`. */
export const OWN = { kind: "your own" } as const;

const LONGEST = 200;
const MOST = 64;
const DEEPEST = 8;

/** Plain JSON of a description: functions say how they were made, what is large is hashed, what is deep is cut. */
export function jsonOf(value: unknown, depth = 0): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean") return value;
  if (typeof value === "string")
    return value.length > LONGEST ? `${value.slice(0, LONGEST / 2)}… (${shortHash(value)})` : value;
  if (typeof value === "function") return jsonOf(descriptionOf(value) ?? OWN, depth);
  if (typeof value !== "object") return String(value);
  if (ArrayBuffer.isView(value)) return `${(value as Int32Array).length} numbers (${shortHash(value)})`;
  if (depth > DEEPEST) return "…";
  const large = (json: Json, count: number): Json =>
    count > MOST ? `${count} values (${shortHash(JSON.stringify(json))})` : json;
  if (Array.isArray(value))
    return large(
      value.map((item) => jsonOf(item, depth + 1)),
      value.length,
    );
  // A policy that is always a number reads as the number.
  const { kind, value: number } = value as { kind?: unknown; value?: unknown };
  if (kind === "always") return jsonOf(number, depth + 1);
  const fields = Object.entries(value);
  return large(
    Object.fromEntries(fields.map(([name, item]) => [name, jsonOf(item, depth + 1)])),
    fields.length,
  );
}

/** `cosine({ base: 0.05, warmup: 1 })`, as it was written, or nearly. */
export function inWords(value: Json): string {
  if (value === null) return "none";
  if (Array.isArray(value)) return `[${value.map(inWords).join(", ")}]`;
  if (!isRecord(value)) return String(value);
  const { kind, ...options } = value;
  const listed = Object.entries(options)
    .filter(([, v]) => v !== null)
    .map(([name, v]) => `${name}: ${inWords(v)}`)
    .join(", ");
  if (kind === undefined) return `{ ${listed} }`;
  return listed ? `${String(kind)}({ ${listed} })` : String(kind);
}
