/** @file The compiler: from an experiment's file to the IR. */
export { flattenPlan, type PlanSignature, planPoint } from "./build/plan-signature.js";
export { NET_FILE, type StartingFile } from "./build/starting-weights.js";
export { CompileError } from "./diagnostics/compile-error.js";
export type { Diagnostic, Span } from "./diagnostics/diagnostic.js";
export { renderAll, renderDiagnostic } from "./diagnostics/render.js";
export {
  type AnsweredProgram,
  type CalledFunction,
  compileAnswered,
  PLAN,
  ROWS,
} from "./frontend/answered.js";
export { type Evaluation, HELD_OUT, openEvaluations, openProtocols } from "./frontend/build/evaluations.js";
export { openBooks, openData, openingContext } from "./frontend/build/experiment.js";
export { showingOption } from "./frontend/build/findings.js";
export { type Scanner, scanWith } from "./frontend/build/scanner.js";
export {
  type CompiledExperiment,
  compileExperiment,
  compilePreparation,
  lastStep,
} from "./frontend/compile.js";
export {
  compileNet,
  type EmbedProgram,
  EXPORTED_NET,
  embedProgram,
  netOfExperiment,
  netOfFile,
} from "./frontend/embed.js";
export { libraryRoot } from "./frontend/library.js";
export {
  configured,
  declaresStudy,
  experimentOf,
  type LoadedExperiment,
  type LoadedFile,
  type LoadedStudy,
  type LoadedValue,
  load,
  loadExperiment,
  loadValue,
} from "./frontend/load/load.js";
export { DecodeError, decodeModule } from "./ir/decode.js";
export { encodeModule, structureHash, weightsHash } from "./ir/encode.js";
export * from "./ir/module.js";
export { type ParseOptions, parseFunction, parseModule } from "./ir/parse.js";
export { ParseError } from "./ir/parse-error.js";
export { printModule, printStructure } from "./ir/print.js";
export { compareSchemas, currentSchema, type Schema, type SchemaChange } from "./ir/schema.js";
export { ACCUMULATE_FIRST, ACCUMULATE_LAST } from "./passes/accumulate.js";
export { exportedTensors, netWeights } from "./passes/extract.js";
export type { Pass, Statistics } from "./passes/pass.js";
export { optimise, type PassOptions, type PassRecord, passesFor } from "./passes/pipeline.js";
export { refine } from "./passes/refine.js";
export { finiteStorages, usedStorages } from "./passes/used-storages.js";
export { multiplyAdds } from "./registry/cost.js";
export { registryHash } from "./registry/hash.js";
export { verified, verify } from "./verify/verify.js";
