/** @file Where a study lies that is given no folder. */
import { basename, join } from "node:path";

/** `runs/<file>`: the same command finds what it has made. */
export const rootOf = (file: string, runDir: string | undefined): string =>
  runDir ?? join("runs", basename(file).replace(/\.[cm]?tsx?$/, ""));
