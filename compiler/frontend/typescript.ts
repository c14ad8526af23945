/**
 * @file TypeScript's compiler, as ts-morph brings it. Required, not imported: before it imports CommonJS, Node scans all of
 * it for the names that it exports, and this is ten megabytes. ts-morph itself is loaded where a program is type-checked.
 */
import { createRequire } from "node:module";

import common = require("@ts-morph/common");

export import ts = common.ts;

/** The part of ts-morph that finds a program's files and type-checks them. */
export const tsMorph = (): typeof import("ts-morph") => createRequire(import.meta.url)("ts-morph");
