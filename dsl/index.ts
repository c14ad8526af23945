/** @file The public DSL: everything that an experiment imports from "f2c-dsl". */

export * from "./augmentations/index.js";
export * from "./compiled.js";
export { type Augmentation, type AugmentationParts, augmentation, type Drawn } from "./data/augmentation.js";
export * from "./data/image-folder.js";
export * from "./data/loader.js";
export * from "./data/sampler.js";
export * from "./data/source.js";
export { DESCRIPTION, type Described, type Description, described, descriptionOf } from "./description.js";
export * from "./entry.js";
export { ExperimentError } from "./errors.js";
export * from "./evaluate/identification.js";
export {
  type Axis,
  type Curve,
  type EvaluateOptions,
  type Figure,
  isProtocol,
  type Measured,
  type Nearest,
  type OpenedProtocol,
  type People,
  type Protocol,
  protocol,
  type Result,
  type Rows,
  type View,
} from "./evaluate/protocol.js";
export { roc, tarAtFar, tenFold } from "./evaluate/rates.js";
export { type VerificationOptions, verification } from "./evaluate/verification.js";
export * from "./every.js";
export * from "./experiment.js";
export * from "./functions.js";
export * from "./initialisers.js";
export { INTRINSIC } from "./intrinsic.js";
export * from "./layers/compose.js";
export * from "./layers/layers.js";
export * from "./margin.js";
export * from "./method.js";
export * from "./methods/f2c.js";
export * from "./module.js";
export * from "./nets/mobile-face-net.js";
export * from "./observe/index.js";
export * as ops from "./ops.generated.js";
export * from "./optimizer.js";
export { randomBelow, randomU32, randomUnit } from "./plan/counter-random.js";
export type { Draws } from "./plan/draws.js";
export { fixed, type ImagesPerIdentity, spread, zipf } from "./plan/images-per-identity.js";
export { type KeyedPermutation, keyedPermutation } from "./plan/keyed-permutation.js";
export { SAMPLER_VERSION } from "./plan/sampler-version.js";
export * from "./pool.js";
export * from "./samplers/index.js";
export * from "./schedule.js";
export type * from "./shape.js";
export * from "./stages/embed.js";
export { netAlone } from "./stages/net-alone.js";
export * from "./stages/study.js";
export type * from "./tensor.js";
export * from "./twin.js";
