/** @file The compiler: from an experiment's file to the IR. */
export { flattenPlan, type PlanSignature, planPoint } from "./build/plan-signature.js";
export { CompileError } from "./diagnostics/compile-error.js";
export type { Diagnostic, Span } from "./diagnostics/diagnostic.js";
export { renderAll, renderDiagnostic } from "./diagnostics/render.js";
export { compileExperiment, openBooks, type Program } from "./frontend/compile.js";
export { libraryRoot } from "./frontend/library.js";
export { type LoadedExperiment, loadExperiment } from "./frontend/load.js";
export { countMultiplyAdds } from "./ir/cost.js";
export { DecodeError, decodeModule } from "./ir/decode.js";
export { encodeModule, structureHash, weightsHash } from "./ir/encode.js";
export * from "./ir/module.js";
export { type ParseOptions, parseFunction, parseModule } from "./ir/parse.js";
export { ParseError } from "./ir/parse-error.js";
export { printModule } from "./ir/print.js";
export { compareSchemas, currentSchema, type Schema, type SchemaChange } from "./ir/schema.js";
export { registryHash } from "./registry/hash.js";
