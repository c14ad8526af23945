export * from "./affine.js";
export * from "./blur.js";
export * from "./colour.js";
export * from "./crop.js";
export * from "./erase.js";
export * from "./flip.js";
export { type GreyOptions, grey } from "./grey.js";
export * from "./low-resolution.js";
