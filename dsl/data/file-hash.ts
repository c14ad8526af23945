/** @file The size and the hash of a file, read in pieces. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";

const PIECE = 1 << 20;

/** The size and hash of a file as it is now. */
export function hashOf(path: string): { readonly bytes: number; readonly sha256: string } {
  const hash = createHash("sha256");
  const piece = Buffer.alloc(PIECE);
  let bytes = 0;
  const file = openSync(path, "r");
  try {
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      hash.update(piece.subarray(0, read));
      bytes += read;
    }
  } finally {
    closeSync(file);
  }
  return { bytes, sha256: hash.digest("hex") };
}
