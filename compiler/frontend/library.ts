/** @file Where this package lies, and how its own sources are named in locations. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root, from `dist/compiler/frontend/`. */
export const libraryRoot = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** Locations in the library read `f2c-dsl/dsl/…` on every machine. */
export const LIBRARY_PREFIX = "f2c-dsl/";
