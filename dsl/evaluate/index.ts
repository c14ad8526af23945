export { type Agreement, bCubedF, pairwiseF } from "./clustering.js";
export * from "./identification.js";
export { type IjbIdentificationOptions, ijbIdentification } from "./ijb-identification.js";
export { type IjbVerificationOptions, ijbVerification } from "./ijb-verification.js";
export { type ListedPairsOptions, listedPairs } from "./listed-pairs.js";
export { type MegaFaceOptions, megaFace } from "./megaface.js";
export { scoreMegaFace } from "./megaface-scores.js";
export {
  type Axis,
  type Curve,
  type EvaluateOptions,
  type Figure,
  isProtocol,
  type Measured,
  type Nearest,
  type OpenedProtocol,
  type Parts,
  type People,
  type Protocol,
  protocol,
  type Result,
  type Rows,
  type View,
} from "./protocol.js";
export { roc, tarAtFar, tenFold } from "./rates.js";
export type { RateOptions } from "./rates-at.js";
export { type VerificationOptions, verification } from "./verification.js";
