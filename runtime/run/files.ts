/** @file Files that are whole or absent. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** Writes a text beside its place, flushes it, and moves it there. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.partial`;
  const file = openSync(partial, "w");
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
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
