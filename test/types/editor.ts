/** @file The compiler as a user's editor runs it: `strict`, and the package by its name, as it is built. */
import ts from "typescript";

export const root = new URL("../../", import.meta.url).pathname;

export const editorOptions: ts.CompilerOptions = {
  strict: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ["lib.es2023.d.ts"],
  types: [],
  skipLibCheck: true,
  noEmit: true,
};
