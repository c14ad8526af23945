/**
 * @file TypeScript's compiler, as ts-morph brings it. It is required, not imported: before Node imports a CommonJS file, it
 * scans all of it for exported names, and this one has nine megabytes. The file is named instead of the package, which would
 * also read three megabytes of TypeScript's libraries (tsconfig.json says where its types are). ts-morph uses the same file
 * and is loaded only to type-check a program.
 */
import { createRequire } from "node:module";

import ts = require("@ts-morph/common/dist/typescript.js");

export { ts };

/** The part of ts-morph that finds a program's files and type-checks them. */
export const tsMorph = (): typeof import("ts-morph") => createRequire(import.meta.url)("ts-morph");
