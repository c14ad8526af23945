/** @file The compiler: from an experiment's file to the IR. */
export { flattenPlan, type PlanSignature, planPoint } from "./build/plan-signature.js";
export { CompileError } from "./diagnostics/compile-error.js";
export type { Diagnostic, Span } from "./diagnostics/diagnostic.js";
export { renderAll, renderDiagnostic } from "./diagnostics/render.js";
export { compileExperiment, openBooks, type Program } from "./frontend/compile.js";
export { libraryRoot } from "./frontend/library.js";
export { type LoadedExperiment, loadExperiment } from "./frontend/load.js";
export { countMultiplyAdds } from "./ir/cost.js";
export { encodeModule, structureHash, weightsHash } from "./ir/encode.js";
export * from "./ir/module.js";
export { printModule } from "./ir/print.js";
export { ACCUMULATE_FIRST, ACCUMULATE_LAST } from "./passes/accumulate.js";
export type { Pass, Statistics } from "./passes/pass.js";
export { optimise, type PassOptions, type PassRecord, passesFor } from "./passes/pipeline.js";
export { refine } from "./passes/refine.js";
export { registryHash } from "./registry/hash.js";
export { printTorch, torchFunctionText } from "./torch/torch-text.js";
export { verify } from "./verify/verify.js";
