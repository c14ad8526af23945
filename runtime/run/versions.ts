/** @file Which version of this package it is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { libraryRoot } from "../../compiler/index.js";

let known: string | undefined;

export const packageVersion = (): string => {
  known ??= (JSON.parse(readFileSync(join(libraryRoot, "package.json"), "utf8")) as { version: string })
    .version;
  return known;
};
