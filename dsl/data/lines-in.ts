/** @file Text files with an entry a line. */
import { readFileSync } from "node:fs";

/** The lines of a file that hold something; those that begin with `#` are comments. Throws as the system does. */
export const linesIn = (path: string): readonly string[] =>
  readFileSync(path, "utf8")
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
