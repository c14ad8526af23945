/** @file Files that are whole or absent. */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export { hashOf } from "../../dsl/data/file-hash.js";

/** What the system says of an open file names none: the error gets the path. */
export function naming<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && "code" in error && !("path" in error)) Object.assign(error, { path });
    throw error;
  }
}

/** What was written: its size in bytes, and its SHA-256 in hexadecimal, worked out on the way. */
export interface Written {
  readonly bytes: number;
  readonly sha256: string;
}

/** Writes parts one after the other; flushed to disk when it returns. */
export function writeHashed(path: string, parts: Iterable<Uint8Array>): Written {
  const hash = createHash("sha256");
  let bytes = 0;
  const file = openSync(path, "w");
  try {
    naming(path, () => {
      for (const part of parts) {
        hash.update(part);
        for (let at = 0; at < part.byteLength; ) at += writeSync(file, part, at);
        bytes += part.byteLength;
      }
      fsyncSync(file);
    });
  } finally {
    closeSync(file);
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Writes a text beside its place, flushes it, and moves it there. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.partial`;
  try {
    writeHashed(partial, [Buffer.from(text)]);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/** Makes a folder and those around it. Not by Node's own `recursive`, which tries for ever where a folder cannot be made (in /proc). */
export function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  const around = dirname(path);
  if (around !== path) makeFolder(around);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have been faster.
    const made = (error as NodeJS.ErrnoException).code === "EEXIST" && statSync(path).isDirectory();
    if (!made) throw error;
  }
}

/** Flushes a folder's entries, so that a rename in it survives a crash. */
export function flushFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Renames and flushes the folder around. */
export function moveWhole(from: string, to: string): void {
  renameSync(from, to);
  flushFolder(dirname(to));
}
