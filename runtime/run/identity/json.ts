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

/** Plain JSON of a description: functions say how they were made, what is large is hashed. */
export function jsonOf(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean") return value;
  if (typeof value === "string")
    return value.length > 200 ? `${value.slice(0, 100)}… (${shortHash(value)})` : value;
  if (typeof value === "function") return jsonOf(descriptionOf(value) ?? OWN);
  if (ArrayBuffer.isView(value)) return `${(value as Int32Array).length} numbers (${shortHash(value)})`;
  if (Array.isArray(value))
    return value.length > 64
      ? `${value.length} values (${shortHash(JSON.stringify(value))})`
      : value.map(jsonOf);
  if (typeof value !== "object") return String(value);
  // A policy that is always a number reads as the number.
  if ((value as { kind?: unknown }).kind === "always") return jsonOf((value as { value?: unknown }).value);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, jsonOf(item)]));
}
