/**
 * @file TypeScript's compiler, as ts-morph brings it. It is required, not imported: before Node imports a CommonJS file, it
 * scans all of it for exported names, and this one has nine megabytes. The file is named instead of the package, which would
 * also read three megabytes of TypeScript's libraries (tsconfig.json says where its types are); they are read only to
 * type-check a program.
 */
import { createRequire } from "node:module";

import ts = require("@ts-morph/common/dist/typescript.js");

export { ts };

/** The texts of TypeScript's libraries, by the names of their files. */
export const libraries = (): ReadonlyMap<string, string> => {
  const { getLibFiles } = createRequire(import.meta.url)(
    "@ts-morph/common",
  ) as typeof import("@ts-morph/common");
  return new Map(getLibFiles().map(({ fileName, text }) => [fileName, text]));
};
