/**
 * @file TypeScript's compiler, as ts-morph brings it. Required, not imported: before it imports CommonJS, Node scans all of
 * it for the names that it exports, and this is nine megabytes. Its own file is named, not the package, which reads three
 * megabytes of TypeScript's libraries besides (tsconfig.json says where its types are); ts-morph, which takes the same file,
 * is loaded where a program is type-checked.
 */
import { createRequire } from "node:module";

import ts = require("@ts-morph/common/dist/typescript.js");

export { ts };

/** The part of ts-morph that finds a program's files and type-checks them. */
export const tsMorph = (): typeof import("ts-morph") => createRequire(import.meta.url)("ts-morph");
